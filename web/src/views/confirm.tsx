import { useSignal } from '@preact/signals';
import { wordsOf } from '../api.js';
import { closeDialog, Dialog, dialog } from './dialog.js';

type Question = {
  title: string;
  text: string;
  /** What the button says that does it. */
  action: string;
  act: () => Promise<void>;
};

/** Asks before something that can't be undone. */
export function confirm(question: Question): void {
  dialog.value = () => <Confirm {...question} />;
}

function Confirm({ title, text, action, act }: Question) {
  const isBusy = useSignal(false);
  const problem = useSignal('');
  const submit = async (event: Event) => {
    event.preventDefault();
    isBusy.value = true;
    try {
      await act();
      closeDialog();
    } catch (error) {
      problem.value = wordsOf(error);
      isBusy.value = false;
    }
  };
  return (
    <Dialog label={title}>
      <form onSubmit={submit}>
        <h2>{title}</h2>
        <p>{text}</p>
        <p class="problem" role="alert">
          {problem.value}
        </p>
        <p class="choices">
          {/* The focus is here: Enter alone must not do what can't be undone. */}
          <button type="button" autofocus onClick={closeDialog}>
            Cancel
          </button>
          <button type="submit" class="danger" disabled={isBusy.value}>
            {action}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
