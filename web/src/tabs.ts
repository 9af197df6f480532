import { computed, effect, signal } from '@preact/signals';
import { serverHere } from './server-token';

// Which part of the page is shown. It stands in the address's fragment, which no server sees.

export type Tab = 'predict' | 'why' | 'what-if' | 'score' | 'compare' | 'server';

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
  { tab: 'server', title: 'Server' },
];

export const firstTab: Tab = 'predict';

export const tab = signal<Tab>(tabOf(location.hash) ?? firstTab);

/** The tabs that stand on the page: the server's where there is one, or where it was asked for. */
export const shownTabs = computed(() =>
  tabTitles.filter((choice) => choice.tab !== 'server' || serverHere.value || tab.value === 'server'),
);

/** The tab that a fragment names: `#score`, or `#score?...` before a row (row-link.ts). */
export function tabOf(fragment: string): Tab | null {
  const [name] = fragment.slice(1).split('?', 1);
  return tabTitles.find((known) => known.tab === name)?.tab ?? null;
}

/** The row behind the tab in a fragment; empty where there is none. */
export function rowPartOf(fragment: string): string {
  const at = fragment.indexOf('?');
  return at < 0 ? '' : fragment.slice(at + 1);
}

/** The address's fragment for a tab and a row part; empty for the first tab alone. */
export function fragmentOf(shown: Tab, rowPart: string): string {
  if (rowPart !== '') return `#${shown}?${rowPart}`;
  return shown === firstTab ? '' : `#${shown}`;
}

/** Writes the address, without a step in the history. */
export function replaceFragment(fragment: string): void {
  history.replaceState(history.state, '', fragment === '' ? location.pathname + location.search : fragment);
}

export function chooseTab(chosen: Tab): void {
  tab.value = chosen;
}

/** Chooses a tab and takes the focus to it, away from what the choice may remove. */
export function goToTab(chosen: Tab): void {
  document.getElementById(`tab-${chosen}`)?.focus();
  chooseTab(chosen);
}

/** A chosen tab stands in the address; other fragments there are left alone. */
effect(() => {
  const shown = tab.value;
  if (tabOf(location.hash) === shown || (location.hash === '' && shown === firstTab)) return;
  replaceFragment(fragmentOf(shown, rowPartOf(location.hash)));
});

window.addEventListener('hashchange', () => {
  tab.value = tabOf(location.hash) ?? tab.value;
});
