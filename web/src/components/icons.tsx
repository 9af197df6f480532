import type { ComponentChildren } from 'preact';

// Drawn in the colour of the text around them; the text says what they mean.

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export function TreesIcon() {
  return (
    <Icon>
      <path class="icon-fill" d="M9 2 3.5 9.5h2.2L2 15h5.8v5h2.4v-5H16l-3.7-5.5h2.2z" />
      <path class="icon-fill icon-faint" d="m17.2 7-2 2.7 3.4 5-.9 1.3h-2.9V20h2.2v-3.2H22l-2.9-4.4h1.7z" />
    </Icon>
  );
}

export function SunIcon() {
  return (
    <Icon>
      <circle class="icon-line" cx="12" cy="12" r="4.2" />
      <path
        class="icon-line"
        d="M12 2.5v2.6M12 18.9v2.6M2.5 12h2.6M18.9 12h2.6M5.3 5.3l1.8 1.8M16.9 16.9l1.8 1.8M5.3 18.7l1.8-1.8M16.9 7.1l1.8-1.8"
      />
    </Icon>
  );
}

export function MoonIcon() {
  return (
    <Icon>
      <path class="icon-line" d="M20.2 14.6A8.6 8.6 0 0 1 9.4 3.8a8.6 8.6 0 1 0 10.8 10.8Z" />
    </Icon>
  );
}

export function CheckIcon() {
  return (
    <Icon>
      <path class="icon-line" d="m5 12.5 4.6 4.6L19.2 7.4" />
    </Icon>
  );
}

export function CrossIcon() {
  return (
    <Icon>
      <path class="icon-line" d="m6.5 6.5 11 11m0-11-11 11" />
    </Icon>
  );
}

export function CloudOffIcon() {
  return (
    <Icon>
      <path
        class="icon-line"
        d="M4 4l16 16M8 7.4A5.6 5.6 0 0 1 17.4 11a3.7 3.7 0 0 1 2.8 6M17 18.3H7A4.2 4.2 0 0 1 6.600 10"
      />
    </Icon>
  );
}
