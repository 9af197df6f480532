// Where what has the focus goes away, browsers give the focus to nothing: a screen reader loses its
// place, as a button often leaves with what it opened or closed. Source: WAI-ARIA Authoring Practices,
// "Developing a Keyboard Interface", on the persistence of focus.

/** From now on the focus goes to the heading of what is left around an element that left with it. */
export function keepFocus(root: HTMLElement): void {
  let focused: readonly Element[] = [];
  root.addEventListener('focusin', ({ target }) => { focused = target instanceof Element ? selfAndAround(target) : []; });
  root.addEventListener('focusout', () => {
    const left = focused;
    // Some browsers say so of an element that is being removed as well.
    queueMicrotask(() => { if (focused === left && left[0]?.isConnected === true) focused = []; });
  });
  new MutationObserver(() => {
    const [last] = focused;
    if (last === undefined || last.isConnected || document.activeElement !== document.body) return;
    placeAmong(focused.filter((element) => element.isConnected && root.contains(element)))?.focus();
  }).observe(root, { childList: true, subtree: true });
}

function selfAndAround(element: Element): readonly Element[] {
  const around = [];
  for (let e: Element | null = element; e !== null; e = e.parentElement) around.push(e);
  return around;
}

/** The first heading in the nearest of these, or a panel that has none. */
function placeAmong(nearestFirst: readonly Element[]): HTMLElement | null {
  for (const element of nearestFirst) {
    const heading = element.querySelector<HTMLElement>('h1, h2, h3');
    if (heading !== null) {
      heading.tabIndex = -1;
      return heading;
    }
    if (element instanceof HTMLElement && element.getAttribute('role') === 'tabpanel') return element;
  }
  return null;
}
