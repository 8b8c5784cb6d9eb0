import { computed, effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const STORAGE_KEY = 'dockbox.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(system.matches);
system.addEventListener('change', ({ matches }) => {
  systemIsDark.value = matches;
});

export const theme = signal<Theme>(readTheme());
export const isDark = computed(() =>
  theme.value === 'system' ? systemIsDark.value : theme.value === 'dark',
);

effect(() => {
  document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light';
});

/** Changes to the other of light and dark, and remembers it unless it is what the system has. */
export function toggleTheme(): void {
  const wanted = isDark.value ? 'light' : 'dark';
  theme.value = (wanted === 'dark') === systemIsDark.value ? 'system' : wanted;
  try {
    localStorage.setItem(STORAGE_KEY, theme.value);
  } catch {
    // Where nothing may be kept, it is so until the page is left.
  }
}

function readTheme(): Theme {
  try {
    const kept = localStorage.getItem(STORAGE_KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}
