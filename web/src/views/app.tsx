import { untracked, useSignalEffect } from '@preact/signals';
import { addressOf, go, place } from '../address.js';
import { attempt } from '../commands.js';
import { notice } from '../notice.js';
import { mayChange, session, signOut } from '../session.js';
import { active } from '../tabs.js';
import { plain } from '../text.js';
import { isDark, toggleTheme } from '../theme.js';
import { BoxView, SharedView } from './box.js';
import { BoxList } from './box-list.js';
import { closeDialog, DialogHost } from './dialog.js';
import { Home } from './home.js';
import { Icon, Mark } from './icons.js';
import { Link } from './link.js';
import { Notice } from './notice.js';
import { SignIn } from './sign-in.js';

/** The page. */
export function App() {
  useSignalEffect(() => {
    document.title = titleOf();
  });
  // What was about another place goes with it.
  useSignalEffect(() => {
    if (place.value) untracked(closeDialog);
    notice.value = '';
  });
  return (
    <>
      <Page />
      <DialogHost />
    </>
  );
}

function titleOf(): string {
  const at = place.value;
  if (at.view !== 'box') return 'dockbox';
  return [active.value?.title.value, plain(at.box), 'dockbox'].filter(Boolean).join(' · ');
}

function Page() {
  const { value: at } = place;
  const { value: who } = session;
  if (at.view === 'box' && at.share) return <SharedView />;
  if (who.state === 'unknown') return <main class="centre" aria-busy="true" />;
  if (who.state === 'out') return <SignIn />;
  return (
    <div class="shell" data-view={at.view}>
      <header class="brand">
        <a href={addressOf()}>
          <Mark /> dockbox
        </a>
        {mayChange.value && (
          <button type="button" class="icon-button" aria-label="Open a repository" onClick={() => go()}>
            <Icon name="add" />
          </button>
        )}
      </header>
      <main class={at.view === 'box' ? 'only' : 'centre'}>
        {at.view === 'home' && <Notice />}
        {at.view === 'home' && <Home />}
        {at.view === 'link' && <Link key={at.url} url={at.url} />}
        {at.view === 'box' && <BoxView name={at.box} />}
      </main>
      <BoxList />
      <footer class="foot">
        <button type="button" class="quiet" onClick={toggleTheme}>
          <Icon name={isDark.value ? 'light' : 'dark'} /> {isDark.value ? 'Light' : 'Dark'}
        </button>
        <a class="quiet" href={`${addressOf()}docs`}>
          API
        </a>
        {who.canLeave && (
          <button type="button" class="quiet" onClick={() => attempt(signOut)}>
            <Icon name="leave" /> Sign out
          </button>
        )}
      </footer>
    </div>
  );
}
