import { signal } from '@preact/signals';

/** What a person is to know, such as why something that they asked for was not done. */
export const notice = signal('');

export function notify(text: string): void {
  notice.value = text;
}
