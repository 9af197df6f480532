// Shows the service's own description; nothing is loaded from elsewhere.
/* global document, localStorage, window */
'use strict';

const dark = window.matchMedia('(prefers-color-scheme: dark)');

/** The same choice as the page's, which it keeps under this key. */
function isDark() {
  try {
    return (localStorage.getItem('copse-theme') ?? (dark.matches ? 'dark' : 'light')) === 'dark';
  } catch {
    return dark.matches;
  }
}

document.documentElement.classList.toggle('dark-mode', isDark());

window.SwaggerUIBundle({
  url: '../apispec_1.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
});
