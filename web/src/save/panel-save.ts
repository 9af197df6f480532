import type { BrowserPredictor } from '../predictor';
import { saveBlob } from '../save-blob';
import { emptySlot, filledSlot } from './saved-model';

// Saves the page with its model as one file. Fetched when it is asked for.

const template = 'page-template.html';
/** Of larger ones, no browser makes one text. */
const modelBytesMax = 256 * 2 ** 20;

export interface Saved {
  readonly name: string;
  readonly bytes: number;
}

/** Hands out the page with this model and row. Rejects with the sentence that says why not. */
export async function savePage({ card, file }: BrowserPredictor, row: readonly number[]): Promise<Saved> {
  if (file.size > modelBytesMax) {
    throw new Error(`the model has ${String(file.size)} bytes: at most ${String(modelBytesMax)} fit into a page`);
  }
  const page = await fetchTemplate();
  const at = page.indexOf(emptySlot);
  if (at < 0) throw new Error(`${template} has no place for a model`);
  const slot = filledSlot({
    name: card.name,
    version: card.version,
    model: await base64Of(file),
    row: row.map((x) => (Number.isFinite(x) ? x : null)),
  });
  const blob = new Blob([page.slice(0, at), slot, page.slice(at + emptySlot.length)], { type: 'text/html' });
  const name = `${card.name.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')}.html`;
  saveBlob(blob, name);
  return { name, bytes: blob.size };
}

async function fetchTemplate(): Promise<string> {
  let response: Response;
  try {
    response = await fetch(template);
  } catch {
    throw new Error(`${template} cannot be fetched: the server is not there, and no copy was kept`);
  }
  if (!response.ok) throw new Error(`${template} answered with status ${String(response.status)}`);
  return response.text();
}

/** Off this thread, whatever the size. */
function base64Of(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => {
      const address = reader.result as string;
      resolve(address.slice(address.indexOf(',') + 1));
    });
    reader.addEventListener('error', () => { reject(new Error('the model cannot be read any more')); });
    reader.readAsDataURL(file);
  });
}
