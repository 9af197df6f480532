// Where what has the focus goes away, browsers give the focus to nothing: a screen reader loses its
// place, as a button often leaves with what it opened or closed. Source: WAI-ARIA Authoring Practices,
// "Developing a Keyboard Interface", on the persistence of focus.

/**
 * From now on the focus goes on from an element that left with it: to what its `data-focus-then` selects,
 * else to the first heading of what is left around it.
 */
export function keepFocus(root: HTMLElement): void {
  let focused: readonly Element[] = [];
  root.addEventListener('focusin', ({ target }) => { focused = target instanceof Element ? selfAndAround(target) : []; });
  root.addEventListener('focusout', () => {
    const left = focused;
    // Some browsers say so of an element that is being removed as well.
    // And a window that is left keeps its own.
    queueMicrotask(() => {
      const [last] = left;
      if (focused === left && last?.isConnected === true && last !== document.activeElement) focused = [];
    });
  });
  new MutationObserver(() => {
    const [last] = focused;
    if (last === undefined || last.isConnected || document.activeElement !== document.body) return;
    const then = last.getAttribute('data-focus-then');
    const chosen = then === null ? null : root.querySelector<HTMLElement>(then);
    const place = chosen ?? placeAmong(focused.filter((element) => element.isConnected && root.contains(element)));
    place?.focus({ preventScroll: true });
    // Whoever uses a mouse has scrolled to where they want to be.
    if (place?.matches(':focus-visible') === true) place.scrollIntoView({ block: 'nearest' });
  }).observe(root, { childList: true, subtree: true });
}

function selfAndAround(element: Element): readonly Element[] {
  const around = [];
  for (let e: Element | null = element; e !== null; e = e.parentElement) around.push(e);
  return around;
}

/** A heading that is only heard has a section that is seen. */
function focusable(heading: HTMLElement): HTMLElement {
  const place = (heading.matches('.hidden') ? heading.closest('section') : null) ?? heading;
  place.tabIndex = -1;
  return place;
}

/** The first heading in the nearest of these, or a panel that has none. */
function placeAmong(nearestFirst: readonly Element[]): HTMLElement | null {
  for (const element of nearestFirst) {
    const heading = element.querySelector<HTMLElement>('h1, h2, h3');
    if (heading !== null) return focusable(heading);
    if (element instanceof HTMLElement && element.getAttribute('role') === 'tabpanel') return element;
  }
  return null;
}
