import './styles/colours.css';
import './styles/controls.css';
import './styles/layout.css';
import './styles/terminal.css';
import { effect, untracked } from '@preact/signals';
import { render } from 'preact';
import { offeredKey, place } from './address.js';
import { wordsOf } from './api.js';
import { findSession, session, signIn } from './session.js';
import { listenForShortcuts } from './shortcuts.js';
import { followPlace } from './tabs.js';
import { App } from './views/app.js';
import { confirm } from './views/confirm.js';

listenForShortcuts();
followPlace(() => {
  const { value: at } = place;
  return session.value.state === 'in' || (at.view === 'box' && at.share !== undefined);
});
followScreen();
render(<App />, document.getElementById('app') as HTMLElement);
await findSession();
effect(() => {
  const { value: key } = offeredKey;
  if (key !== undefined) void untracked(() => signInWith(key));
});

/** Signs in with the key of the address; whoever is signed in already is asked, as the address may be anybody's. */
async function signInWith(key: string): Promise<void> {
  offeredKey.value = undefined;
  const { value: who } = session;
  if (who.state === 'in') {
    if (!who.canLeave) return;
    confirm({
      title: 'Sign in anew?',
      text: 'The address that you opened has an API key. You would see the dockboxes of its owner instead of yours.',
      action: 'Sign in',
      act: () => signIn(key),
    });
    return;
  }
  try {
    await signIn(key);
  } catch (error) {
    session.value = { state: 'out', problem: wordsOf(error) };
  }
}

/** Makes the page as high as what is seen of it: some browsers lay the keyboard of a phone over it. */
function followScreen(): void {
  const { visualViewport: seen } = window;
  seen?.addEventListener('resize', () => {
    // Zoomed in, less of the page is seen on purpose.
    const height = seen.scale === 1 ? `${seen.height}px` : '';
    document.documentElement.style.setProperty('--height', height);
  });
}
