import { notice } from '../notice.js';
import { Icon } from './icons.js';

/** Says what there is to know, until one has read it. */
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
