import type { ComponentChildren } from 'preact';
import { chooseTab, goToTab, shownTabs, tab } from '../tabs';

/** Where an arrow key leads from place `i` of `n`; null for other keys. */
function placeAfter(key: string, i: number, n: number): number | null {
  switch (key) {
    case 'ArrowRight':
      return (i + 1) % n;
    case 'ArrowLeft':
      return (i + n - 1) % n;
    case 'Home':
      return 0;
    case 'End':
      return n - 1;
    default:
      return null;
  }
}

/**
 * The parts of the page as a row of tabs: one of them takes the focus, arrow keys move it.
 * Source: WAI-ARIA Authoring Practices, "Tabs with Automatic Activation".
 */
export function Tabs() {
  const move = (event: KeyboardEvent) => {
    const tabs = shownTabs.value;
    const chosen = tabs.findIndex((choice) => choice.tab === tab.value);
    const next = placeAfter(event.key, chosen, tabs.length);
    const to = next === null ? undefined : tabs[next];
    if (to === undefined) return;
    event.preventDefault();
    goToTab(to.tab);
  };
  return (
    <div class="tabs" role="tablist" aria-label="What to do with the model" onKeyDown={move}>
      {shownTabs.value.map((choice) => (
        <button
          key={choice.tab}
          type="button"
          role="tab"
          class="tab"
          id={`tab-${choice.tab}`}
          aria-selected={choice.tab === tab.value}
          aria-controls={choice.tab === tab.value ? 'panel' : undefined}
          tabIndex={choice.tab === tab.value ? 0 : -1}
          onClick={() => { chooseTab(choice.tab); }}
        >
          {choice.title}
        </button>
      ))}
    </div>
  );
}

/** What the chosen tab shows. */
export function TabPanel({ children }: { children: ComponentChildren }) {
  return (
    <div class="panel" role="tabpanel" id="panel" tabIndex={-1} aria-labelledby={`tab-${tab.value}`}>
      {children}
    </div>
  );
}
