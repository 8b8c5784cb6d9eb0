import { signal } from '@preact/signals';
import { Icon } from './icons.js';

/** What went wrong with something that a person asked for. */
const notice = signal('');

export function notify(text: string): void {
  notice.value = text;
}

/** Says what went wrong, until one has read it. */
export function Notice() {
  const dismiss = () => {
    notice.value = '';
  };
  return (
    <div class="notices" role="alert">
      {notice.value && (
        <p>
          {notice.value}
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={dismiss}>
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}
