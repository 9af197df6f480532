import type { ComponentChildren } from 'preact';

interface ButtonProps {
  /** Whether it does nothing for now. It keeps the focus then, which a `disabled` button loses. */
  readonly off: boolean;
  readonly class?: string;
  /** What gets the focus where the press takes the button away: a CSS selector. */
  readonly then?: string;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

/** A button that its own press may switch off: the last page's "Next", one that is busy. */
export function Button({ off, class: more = '', then, onClick, children }: ButtonProps) {
  return (
    <button type="button" class={`button ${more}`.trim()} aria-disabled={off} data-focus-then={then} onClick={() => { if (!off) onClick(); }}>
      {children}
    </button>
  );
}
