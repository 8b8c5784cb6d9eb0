import {
  createClient,
  openTerminal,
  type Terminal,
  type TerminalEvents,
  type TerminalOptions,
} from 'dockbox-client';
import WebSocket from 'ws';
import type { Service } from './client.js';
import type { Scope } from './scope.js';

/** After how long a wait is in vain, in ms: then it is told what was shown. */
const PATIENCE_MS = 60_000;

/** A terminal that was opened with the client package, and what it has shown. */
export type SdkTerminal = Terminal & {
  output(): string;
  /** Waits until it has shown what the pattern matches. */
  shows(pattern: RegExp): Promise<void>;
  /** The next event of a name. */
  next<Name extends keyof TerminalEvents>(name: Name): Promise<TerminalEvents[Name]>;
};

/** Opens a terminal with the client package, with the `ws` of Node; the end of the test closes it. */
export function openSdkTerminal(
  t: Scope,
  { base }: Service,
  options: Partial<TerminalOptions> = {},
  token?: string,
): SdkTerminal {
  const client = createClient({ baseUrl: base, token });
  const terminal = openTerminal(client, { box: 'box', WebSocket, ...options });
  t.teardown(() => terminal.close());
  let output = '';
  terminal.on('output', (bytes) => {
    output += Buffer.from(bytes).toString('latin1');
  });
  return Object.assign(terminal, {
    output: () => output,
    shows: (pattern: RegExp) =>
      new Promise<void>((resolve, reject) => {
        const check = () => {
          if (!pattern.test(output)) return;
          clearTimeout(late);
          off();
          resolve();
        };
        const late = setTimeout(() => reject(new Error(`It showed: ${output}`)), PATIENCE_MS);
        const off = terminal.on('output', check);
        void terminal.ended.then((end) =>
          reject(new Error(`It ended (${JSON.stringify(end)}) after: ${output}`)),
        );
        check();
      }),
    next: <Name extends keyof TerminalEvents>(name: Name) =>
      new Promise<TerminalEvents[Name]>((resolve) => {
        const off = terminal.on(name, (event) => {
          off();
          resolve(event);
        });
      }),
  });
}
