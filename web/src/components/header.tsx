import { hostedModel } from '../host';
import { isSaved } from '../is-saved';
import { theme, toggleTheme } from '../theme';
import { MoonIcon, SunIcon, TreesIcon } from './icons';

export function Header() {
  return (
    <header class="header">
      <div class="header-inner">
        <a class="brand" href={isSaved ? '#predict' : './'}>
          <TreesIcon />
          Copse
        </a>
        {!isSaved && hostedModel === null && (
          <nav aria-label="Site">
            <a href="apidocs/">API docs</a>
          </nav>
        )}
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
