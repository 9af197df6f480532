import { effect, signal } from '@preact/signals';

// Which part of the page is shown. It stands in the address's fragment, which no server sees.

export type Tab = 'predict' | 'why' | 'what-if' | 'score' | 'compare';

interface TabTitle {
  readonly tab: Tab;
  readonly title: string;
}

export const tabTitles: readonly TabTitle[] = [
  { tab: 'predict', title: 'Predict' },
  { tab: 'why', title: 'Why' },
  { tab: 'what-if', title: 'What if' },
  { tab: 'score', title: 'Score a file' },
  { tab: 'compare', title: 'Compare' },
];

export const firstTab: Tab = 'predict';

export const tab = signal<Tab>(tabOf(location.hash) ?? firstTab);

/** The tab that a fragment names: `#score`. */
export function tabOf(fragment: string): Tab | null {
  const name = fragment.slice(1);
  return tabTitles.find((known) => known.tab === name)?.tab ?? null;
}

export function chooseTab(chosen: Tab): void {
  tab.value = chosen;
}

/** A chosen tab stands in the address; other fragments there are left alone. */
effect(() => {
  const shown = tab.value;
  if (tabOf(location.hash) === shown || (location.hash === '' && shown === firstTab)) return;
  history.replaceState(history.state, '', shown === firstTab ? location.pathname + location.search : `#${shown}`);
});

window.addEventListener('hashchange', () => {
  tab.value = tabOf(location.hash) ?? tab.value;
});
