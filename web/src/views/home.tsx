import { useSignal } from '@preact/signals';
import type { TargetedInputEvent } from 'preact';
import { go } from '../address.js';
import { wordsOf } from '../api.js';
import { create } from '../boxes.js';
import { heedSignOut, mayChange } from '../session.js';

const EXAMPLE = 'https://github.com/fastify/demo';

/** Asks for the address of a source, and makes a box of it. */
export function Home({ url = '' }: { url?: string }) {
  const address = useSignal(url);
  const ref = useSignal('');
  const name = useSignal('');
  const image = useSignal('');
  const token = useSignal('');
  const isBusy = useSignal(false);
  const problem = useSignal('');

  const submit = async (event: Event) => {
    event.preventDefault();
    isBusy.value = true;
    problem.value = '';
    try {
      const box = await create({
        url: address.value.trim(),
        ...(ref.value.trim() && { ref: ref.value.trim() }),
        ...(name.value.trim() && { name: name.value.trim() }),
        ...(image.value.trim() && { image: image.value.trim() }),
        ...(token.value.trim() && { credentials: { token: token.value.trim() } }),
      });
      go(box.name);
    } catch (error) {
      heedSignOut(error);
      problem.value = wordsOf(error);
      isBusy.value = false;
    }
  };

  const option = (id: string, label: string, field: typeof ref, placeholder: string, isSecret = false) => {
    const attributes = {
      id,
      value: field.value,
      placeholder,
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: false,
      onInput: ({ currentTarget }: TargetedInputEvent<HTMLInputElement>) => {
        field.value = currentTarget.value;
      },
    } as const;
    return (
      <p class="field">
        <label for={id}>{label}</label>
        {isSecret ? <input type="password" {...attributes} /> : <input {...attributes} />}
      </p>
    );
  };

  return (
    <form class="home" onSubmit={submit}>
      <h1>Open a repository</h1>
      <p class="hint">Its source, with the right tool-chain, in a terminal of its own.</p>
      <div class="address">
        <label for="url" class="unseen">
          Address of a repository or an archive
        </label>
        <input
          id="url"
          type="text"
          inputmode="url"
          placeholder="https://github.com/owner/repo"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          required
          maxlength={2048}
          aria-describedby="url-problem"
          value={address.value}
          onInput={({ currentTarget }) => {
            address.value = currentTarget.value;
          }}
        />
        <button type="submit" class="primary" disabled={isBusy.value || !mayChange.value}>
          {isBusy.value ? 'Opening…' : 'Open'}
        </button>
      </div>
      <p id="url-problem" class="problem" role="alert">
        {problem.value}
      </p>
      <p class="hint">
        For example{' '}
        <button
          type="button"
          class="example"
          onClick={() => {
            address.value = EXAMPLE;
            document.getElementById('url')?.focus();
          }}
        >
          {EXAMPLE}
        </button>
      </p>
      <details>
        <summary>Options</summary>
        <div class="options">
          {option('ref', 'Branch, tag or commit', ref, 'the default branch')}
          {option('name', 'Name', name, 'made from the address')}
          {option('image', 'Image', image, 'chosen by language')}
          {option('credentials', 'Credentials', token, 'if private, a token', true)}
        </div>
      </details>
    </form>
  );
}
