import { hostedModel } from '../host';
import { theme, toggleTheme } from '../theme';
import { MoonIcon, SunIcon, TreesIcon } from './icons';

export function Header() {
  return (
    <header class="header">
      <div class="header-inner">
        <a class="brand" href="./">
          <TreesIcon />
          Copse
        </a>
        <nav aria-label="Site">
          {hostedModel === null && <a href="apidocs/">API docs</a>}
        </nav>
        <ThemeButton />
      </div>
    </header>
  );
}

function ThemeButton() {
  const dark = theme.value === 'dark';
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={dark ? 'Use light colours' : 'Use dark colours'}
      onClick={toggleTheme}
    >
      {dark ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}
