import { channel } from 'node:diagnostics_channel';

/** What happens here that is worth a figure. Whoever counts it subscribes; when nobody does, it costs nothing. */
export type Events = {
  /** The making of a box has ended, after so many milliseconds. */
  'dockbox.creation': { ms: number; outcome: 'ready' | 'failed' };
  /** A client has a shell, or can't have one, so many milliseconds after the box was there. */
  'dockbox.connection': { ms: number; outcome: 'open' | 'failed' };
  /** A sweep has ended, after so many milliseconds. */
  'dockbox.sweep': { ms: number; outcome: 'done' | 'failed' };
  /** A box was stopped because nobody was connected. */
  'dockbox.idle-stop': object;
  /** The engine did not answer, or answered that something is wrong with it. */
  'dockbox.engine-error': { kind: 'unavailable' | 'failed' };
};

/** Tells all who listen, at once, over Node's diagnostics channel of that name. */
export function publish<Name extends keyof Events>(name: Name, event: Events[Name]): void {
  channel(name).publish(event);
}

/** Listens. @returns a function that ends it */
export function subscribe<Name extends keyof Events>(
  name: Name,
  listener: (event: Events[Name]) => void,
): () => void {
  const onMessage = (event: unknown) => listener(event as Events[Name]);
  channel(name).subscribe(onMessage);
  return () => {
    channel(name).unsubscribe(onMessage);
  };
}
