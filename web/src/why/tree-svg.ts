import { render, type ComponentChild } from 'preact';
import type { Bounds } from './shape';
import treeCss from './tree.css?inline';

/** Colours of the page that the drawing uses. */
const colours = ['--ink', '--ink-soft', '--surface', '--line', '--line-strong', '--accent', '--accent-soft', '--accent-ink', '--track', '--bar'];

const room = 20;
const head = 36;

/**
 * The drawing as a file of its own: everything that is unfolded, in the colours of now, with its styles
 * inside. `content` is in the coordinates of `bounds`.
 */
export function standaloneSvg(content: ComponentChild, bounds: Bounds, title: string): string {
  const copy = document.createElementNS('http://www.w3.org/2000/svg', 'g');
  render(content, copy);
  for (const element of copy.querySelectorAll('[role], [aria-label], [aria-hidden]')) {
    for (const { name } of Array.from(element.attributes)) {
      if (name === 'role' || name.startsWith('aria-')) element.removeAttribute(name);
    }
  }
  for (const element of copy.querySelectorAll('.tree-active')) element.classList.remove('tree-active');
  const style = getComputedStyle(document.documentElement);
  const variables = colours.map((name) => `${name}:${style.getPropertyValue(name)}`).join(';');
  const width = bounds.right - bounds.left + 2 * room;
  const height = bounds.bottom - bounds.top + 2 * room + head;
  const box = [bounds.left - room, bounds.top - room - head, width, height].map(String).join(' ');
  const body = new XMLSerializer().serializeToString(copy);
  const heading = `<text class="tree-heading" x="${String(bounds.left)}" y="${String(bounds.top - head / 2)}">${escaped(title)}</text>`;
  return allowed(`<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" width="${String(width)}" height="${String(height)}" role="img">
<title>${escaped(title)}</title>
<style>svg{${variables};background:var(--surface)}${treeCss}</style>
${heading}
${body}
</svg>
`);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** XML has no place for control characters, and a name may hold some. */
function allowed(text: string): string {
  const isAllowed = (c: string) => (c >= ' ' || c === '\n' || c === '\t') && c !== '\ufffe' && c !== '\uffff';
  return Array.from(text).filter(isAllowed).join('');
}
