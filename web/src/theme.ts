import { effect, signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const key = 'copse-theme';
const darkSystem = window.matchMedia('(prefers-color-scheme: dark)');

/** What the person chose before, else what the system prefers. */
function firstTheme(): Theme {
  const chosen = remembered();
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return darkSystem.matches ? 'dark' : 'light';
}

/** Storage may be switched off; then nothing is remembered. */
function remembered(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(theme: Theme): void {
  try {
    localStorage.setItem(key, theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

export const theme = signal<Theme>(firstTheme());

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
});

darkSystem.addEventListener('change', (event) => {
  if (remembered() === null) theme.value = event.matches ? 'dark' : 'light';
});

export function toggleTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark';
  remember(theme.value);
}
