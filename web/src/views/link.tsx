import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { go } from '../address.js';
import { wordsOf } from '../api.js';
import { boxOfSource, create } from '../boxes.js';
import { heedSignOut, mayChange } from '../session.js';
import { plain } from '../text.js';

/**
 * Somebody else's link to open a source. Where one has a box of that source, it is opened; else nothing is made until one
 * says so: whoever wrote the link may be anybody.
 */
export function Link({ url }: { url: string }) {
  const isLooking = useSignal(true);
  const isBusy = useSignal(false);
  const problem = useSignal('');
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    boxOfSource(url)
      .then((box) => {
        if (box) go(box.name, { replace: true });
        else isLooking.value = false;
      })
      .catch((error) => {
        heedSignOut(error);
        problem.value = wordsOf(error);
      });
  }, [url]);
  useEffect(() => {
    if (!isLooking.value) button.current?.focus();
  }, [isLooking.value]);

  const open = async () => {
    isBusy.value = true;
    problem.value = '';
    try {
      const box = await create({ url });
      go(box.name, { replace: true });
    } catch (error) {
      heedSignOut(error);
      problem.value = wordsOf(error);
      isBusy.value = false;
    }
  };

  return (
    <section class="home" aria-labelledby="link-title">
      <h1 id="link-title">Open this repository?</h1>
      <p class="source">{plain(url, 2048)}</p>
      <p class="hint">A link brought you here. If you go on, a new dockbox is made of this source.</p>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      <p class="choices">
        <button
          type="button"
          class="primary"
          ref={button}
          disabled={isLooking.value || isBusy.value || !mayChange.value}
          onClick={open}
        >
          {isBusy.value ? 'Opening…' : 'Make a dockbox'}
        </button>
        <button type="button" onClick={() => go(undefined, { replace: true })}>
          Cancel
        </button>
      </p>
    </section>
  );
}
