// Shows the service's own description; nothing is loaded from elsewhere.
/* global MutationObserver, document, localStorage, window */
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

/**
 * Names and levels that a screen reader needs and swagger-ui leaves out, as axe finds them:
 * the title outside of any landmark, headings that skip a level, inputs without a name, regions
 * that are all called the same, and text that cannot be scrolled by keyboard.
 */
const repairs = {
  '.information-container': (title) => {
    title.setAttribute('role', 'region');
    title.setAttribute('aria-label', 'About this service');
  },
  'h3.opblock-tag': (heading) => heading.setAttribute('aria-level', '2'),
  '.opblock h4': (heading) => heading.setAttribute('aria-level', '3'),
  '.opblock h5': (heading) => heading.setAttribute('aria-level', '4'),
  '.models h4': (heading) => heading.setAttribute('aria-level', '2'),
  'tr[data-param-name] :is(input, select, textarea)': (input) =>
    input.setAttribute('aria-label', input.closest('tr').dataset.paramName),
  // These scroll sideways on a phone.
  pre: (text) => text.setAttribute('tabindex', '0'),
  '[role=region][id]': (region) => {
    region.removeAttribute('aria-labelledby');
    region.setAttribute('aria-label', region.id.replaceAll('_', ' '));
  },
};

function repair() {
  for (const [selector, mend] of Object.entries(repairs)) {
    document.querySelectorAll(`#swagger-ui :is(${selector}):not([data-mended])`).forEach((element) => {
      element.dataset.mended = '';
      mend(element);
    });
  }
}

document.documentElement.classList.toggle('dark-mode', isDark());
new MutationObserver(repair).observe(document.getElementById('swagger-ui'), { childList: true, subtree: true });

window.SwaggerUIBundle({
  url: '../apispec_1.json',
  dom_id: '#swagger-ui',
  // Its links would stand inside of buttons.
  deepLinking: false,
  validatorUrl: null,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
});
