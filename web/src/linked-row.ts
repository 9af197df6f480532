import { effect, signal } from '@preact/signals';
import { isSaved } from './is-saved';
import type { ModelCard } from './model-card';
import { savedRow } from './save/saved-model';
import { isAbout, linkFragment, readLink, rowOfLink } from './row-link';
import { loading, row, useRow } from './state';
import { fragmentOf, replaceFragment, rowPartOf, tab } from './tabs';

// The row that the page's address holds: it fills the form as soon as its model is on screen.

/** What a person has to know about the link that led here; empty: nothing. */
export const linkProblem = signal('');

/** The row part of the address that is not dealt with yet. */
const waiting = signal('');
/** The row that came from the address, while it stands there. */
let linked: readonly number[] | null = null;

/** The whole address of a row. */
export function linkTo(card: ModelCard, values: readonly number[]): string {
  return new URL(linkFragment(tab.value, card, values), location.href).href;
}

/** Takes the row out of the address, and what was said about it off the page. */
export function forgetLink(): void {
  waiting.value = linkProblem.value = '';
  linked = null;
  if (rowPartOf(location.hash) !== '') replaceFragment(fragmentOf(tab.value, ''));
}

/** Follows the address, now and whenever it changes. */
export function followLinks(): void {
  const look = () => { waiting.value = rowPartOf(location.hash); };
  look();
  // What was saved with the model comes first, and once.
  let saved = isSaved ? savedRow() : null;
  effect(() => {
    if (saved === null || loading.value.status !== 'ready') return;
    const values = saved;
    saved = null;
    useRow(values);
  });
  window.addEventListener('hashchange', look);
  effect(() => {
    const rowPart = waiting.value;
    if (rowPart !== '' && loading.value.status === 'ready') apply(rowPart, loading.value.predictor.card);
  });
  effect(() => {
    // An address that says other than the form would mislead.
    if (row.value !== linked && linked !== null) forgetLink();
  });
}

function apply(rowPart: string, card: ModelCard): void {
  const link = readLink(rowPart);
  if (link === null) {
    linkProblem.value = 'The address of this page holds a row that cannot be read: it was cut, or changed. The form is as it was.';
    return;
  }
  if (!isAbout(link, card)) {
    linkProblem.value = strangerText(link.model, link.version, card);
    return;
  }
  const values = rowOfLink(link, card.features);
  if (typeof values === 'string') {
    linkProblem.value = `The row in the address of this page cannot be used: ${values}.`;
    return;
  }
  waiting.value = linkProblem.value = '';
  useRow(values);
  linked = row.peek();
}

/** The link waits: it is used as soon as its model is opened here. */
function strangerText(model: string, version: string, card: ModelCard): string {
  const kept = 'Its values are not used; open the file of that model here, and they will be.';
  if (model === card.name) {
    return `This link is for another version of ${model}: ${version}. This page shows ${card.version}. ${kept}`;
  }
  const named = version === '' ? model : `${model} (version ${version})`;
  return `This link is for another model: ${named}. This page shows ${card.name}. ${kept}`;
}
