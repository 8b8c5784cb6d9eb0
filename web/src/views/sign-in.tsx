import { useSignal } from '@preact/signals';
import { wordsOf } from '../api.js';
import { session, signIn } from '../session.js';
import { Mark } from './icons.js';

/** Asks for an API key, which is sent to the service and kept nowhere. */
export function SignIn() {
  const key = useSignal('');
  const isBusy = useSignal(false);
  const problem = useSignal('');
  const { value: now } = session;
  const told = problem.value || (now.state === 'out' ? (now.problem ?? '') : '');

  const submit = async (event: Event) => {
    event.preventDefault();
    isBusy.value = true;
    problem.value = '';
    try {
      await signIn(key.value.trim());
    } catch (error) {
      problem.value = wordsOf(error);
    } finally {
      isBusy.value = false;
    }
  };

  return (
    <main class="centre">
      <form class="card" onSubmit={submit}>
        <h1>
          <Mark /> dockbox
        </h1>
        {/* Whoever keeps passwords for people asks for a name to keep them by. */}
        <input type="text" autocomplete="username" value="API key" hidden readOnly />
        <label for="key">API key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          placeholder="dbx_…"
          spellcheck={false}
          required
          aria-describedby="key-help key-problem"
          value={key.value}
          onInput={({ currentTarget }) => {
            key.value = currentTarget.value;
          }}
        />
        <p id="key-help" class="hint">
          The server printed one when it was first started. This browser then stays signed in.
        </p>
        <p id="key-problem" class="problem" role="alert">
          {told}
        </p>
        <button type="submit" class="primary" disabled={isBusy.value}>
          Sign in
        </button>
      </form>
    </main>
  );
}
