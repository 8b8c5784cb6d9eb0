import { active } from '../tabs.js';

/** Whether a keyboard is at hand; elsewhere a focus would bring one up on the screen. */
const hasKeyboard = matchMedia('(hover: hover)');

/** Lets keys go to the terminal that is seen. */
export function focusTerminal(): void {
  if (hasKeyboard.matches) active.value?.screen.emulator.focus();
}
