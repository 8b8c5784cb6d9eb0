import { addressOf, go, place } from './address.js';
import { wordsOf } from './api.js';
import { boxes, boxOf, remove, stop } from './boxes.js';
import { notify } from './notice.js';
import { mayChange, session, signOut } from './session.js';
import { active, addTab, endTab, programIn, tabs } from './tabs.js';
import { plain, sourceOf } from './text.js';
import { isDark, toggleTheme } from './theme.js';
import { confirm } from './views/confirm.js';
import { openFind } from './views/find.js';
import { share } from './views/share.js';

/** Something that a person can do here. */
export type Command = { title: string; keys?: string; run: () => unknown };

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
/** Keys that terminals have no use for: Ctrl with Shift is no different from Ctrl to them, and Macs have a key of their own. */
export const keysOf = (key: string) => (isMac ? `⌘${key}` : `Ctrl+Shift+${key}`);

/** What can be done now. */
export function commands(): Command[] {
  return [...terminalCommands(), ...boxCommands(), ...pageCommands()];
}

function terminalCommands(): Command[] {
  const pane = active.value;
  const at = place.value;
  if (at.view !== 'box' || !pane) return [];
  const seen = [
    { title: 'Find in the terminal', keys: keysOf('F'), run: openFind },
    { title: 'Connect anew', run: () => pane.connect() },
    {
      title: pane.screen.isRead
        ? 'Stop reading the terminal out'
        : 'Read the terminal out to a screen reader',
      run: () => pane.screen.toggleReading(),
    },
  ];
  if (at.share) return seen;
  return [
    ...seen,
    ...(mayChange.value
      ? [
          { title: 'New terminal', run: () => attempt(addTab) },
          { title: `End terminal ${pane.name}`, run: () => attempt(() => askToEnd(pane.name)) },
        ]
      : []),
    ...tabs.value
      .filter((tab) => tab !== pane)
      .map(({ name }) => ({ title: `Terminal ${name}`, run: () => go(at.box, { terminal: name }) })),
  ];
}

function boxCommands(): Command[] {
  const at = place.value;
  if (session.value.state !== 'in') return [];
  const box = at.view === 'box' && !at.share ? boxOf(at.box).value : undefined;
  const here =
    box && mayChange.value && at.view === 'box'
      ? [
          ...(box.status === 'ready'
            ? [
                { title: 'Share this terminal', run: () => share(box, at.terminal) },
                { title: `Stop ${plain(box.name)}`, run: () => attempt(() => stop(box.id)) },
              ]
            : []),
          { title: `Delete ${plain(box.name)}`, run: () => askToDelete(box) },
        ]
      : [];
  const others = (boxes.value ?? [])
    .filter(({ id }) => id !== box?.id)
    .map((other) => ({ title: `Go to ${plain(other.name)}: ${sourceOf(other)}`, run: () => go(other.name) }));
  return [...here, { title: 'Open a repository', run: () => go() }, ...others];
}

function pageCommands(): Command[] {
  const { value: now } = session;
  return [
    { title: isDark.value ? 'Light colours' : 'Dark colours', run: toggleTheme },
    ...(now.state === 'in' && now.canLeave ? [{ title: 'Sign out', run: () => attempt(signOut) }] : []),
    { title: 'The API', run: () => open(`${addressOf()}docs`, '_blank', 'noopener') },
  ];
}

/** Does it, and says so when it can't be done. */
export async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    notify(wordsOf(error));
  }
}

export function askToDelete({ id, name }: { id: string; name: string }): void {
  confirm({
    title: `Delete ${plain(name)}?`,
    text: 'Its files go with it, and what runs in it. This can’t be undone.',
    action: 'Delete',
    act: async () => {
      await remove(id);
      const at = place.value;
      if (at.view === 'box' && (at.box === name || at.box === id)) go(undefined, { replace: true });
    },
  });
}

/** Ends a terminal, after a question when that ends more than a shell. */
export async function askToEnd(name: string): Promise<void> {
  const program = await programIn(name);
  if (!program) return endTab(name);
  confirm({
    title: `End terminal ${name}?`,
    text: `“${plain(program)}” runs in it, and is ended, too.`,
    action: 'End it',
    act: () => endTab(name),
  });
}
