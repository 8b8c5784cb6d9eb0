import { useSignal } from '@preact/signals';
import type { Box } from 'dockbox-client';
import { useEffect } from 'preact/hooks';
import { addressOf } from '../address.js';
import { service, unwrap, wordsOf } from '../api.js';
import { now } from '../clock.js';
import { plain, span } from '../text.js';
import { Dialog, dialog } from './dialog.js';
import { Icon } from './icons.js';

/** How long a link may be good for, in seconds. */
const SPANS = [
  [3600, 'an hour'],
  [24 * 3600, 'a day'],
  [7 * 24 * 3600, 'a week'],
] as const;

type Listed = {
  id: string;
  name: string | null;
  terminal: string | null;
  readonly: boolean;
  expiresAt: string;
};

export function share(box: Box, terminal: string): void {
  dialog.value = () => <Share box={box} terminal={terminal} />;
}

/** Makes links that let others into a terminal, and ends them. */
function Share({ box, terminal }: { box: Box; terminal: string }) {
  const readonly = useSignal(true);
  const seconds = useSignal<number>(SPANS[0][0]);
  const link = useSignal('');
  const isCopied = useSignal(false);
  const items = useSignal<Listed[]>([]);
  const problem = useSignal('');

  /** Does something, then shows what there is. */
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      problem.value = '';
      await work();
      const path = { id: box.id };
      items.value = (await unwrap(service.GET('/v1/dockbox/{id}/shares', { params: { path } }))).items;
    } catch (error) {
      problem.value = wordsOf(error);
    }
  };
  useEffect(() => {
    void attempt(async () => {});
  }, []);

  const make = (event: Event) => {
    event.preventDefault();
    return attempt(async () => {
      const body = { terminal, readonly: readonly.value, expiresIn: seconds.value };
      const params = { path: { id: box.id } };
      const { ticket } = await unwrap(service.POST('/v1/dockbox/{id}/shares', { params, body }));
      link.value = addressOf(box.name, terminal, { ticket, readonly: body.readonly });
      isCopied.value = false;
    });
  };
  const revoke = (id: string) =>
    attempt(() =>
      unwrap(
        service.DELETE('/v1/dockbox/{id}/shares/{share}', { params: { path: { id: box.id, share: id } } }),
      ),
    );
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link.value);
      isCopied.value = true;
    } catch {
      // Where the clipboard is out of reach, the text can still be copied by hand.
      document.querySelector<HTMLInputElement>('#share-link')?.select();
    }
  };

  return (
    <Dialog label="Share">
      <form onSubmit={make}>
        <h2>
          Share “{plain(terminal)}” of {plain(box.name)}
        </h2>
        <fieldset>
          <legend>Whoever has the link</legend>
          {[true, false].map((value) => (
            <label key={String(value)}>
              <input
                type="radio"
                name="readonly"
                checked={readonly.value === value}
                onChange={() => {
                  readonly.value = value;
                }}
              />
              {value ? 'may watch' : 'may type, which is to run anything in this dockbox'}
            </label>
          ))}
        </fieldset>
        <p class="field">
          <label for="share-span">For</label>
          <select
            id="share-span"
            value={String(seconds.value)}
            onChange={({ currentTarget }) => {
              seconds.value = Number(currentTarget.value);
            }}
          >
            {SPANS.map(([value, text]) => (
              <option key={value} value={String(value)}>
                {text}
              </option>
            ))}
          </select>
        </p>
        <p class="problem" role="alert">
          {problem.value}
        </p>
        <p class="choices">
          <button type="submit" class="primary">
            Make a link
          </button>
        </p>
      </form>
      {link.value && (
        <p class="address">
          <label for="share-link" class="unseen">
            The link
          </label>
          <input
            id="share-link"
            readonly
            value={link.value}
            onFocus={({ currentTarget }) => currentTarget.select()}
          />
          <button type="button" onClick={copy}>
            <Icon name="copy" /> {isCopied.value ? 'Copied' : 'Copy'}
          </button>
        </p>
      )}
      {items.value.length > 0 && (
        <>
          <h3>Links that are good</h3>
          <ul class="shares">
            {items.value.map(({ id, terminal: to, readonly: watches, expiresAt }) => (
              <li key={id}>
                <span>
                  {plain(to ?? 'any terminal')}, {watches ? 'to watch' : 'to type'}
                </span>
                <span class="hint">{span(Date.parse(expiresAt) - now.value)} left</span>
                <button
                  type="button"
                  aria-label={`Revoke the link to ${plain(to ?? 'any terminal')}`}
                  onClick={() => revoke(id)}
                >
                  Revoke
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}
