import { hostedModel } from './host';
import { isSaved } from './is-saved';
import { keepForOffline } from './offline';
import type { ModelFile } from './predictor';
import { savedFile } from './save/saved-model';
import { fetchFromServer, serverHere, token } from './server-token';

/** What is asked for where nothing says which models there are. */
const usualModel = 'iris';

/** The model that this page is about: the one that answers the server's /predict. */
export async function fetchModel(): Promise<ModelFile> {
  if (isSaved) return savedFile();
  const name = hostedModel ?? (await firstModelName()) ?? usualModel;
  const url = `models/${encodeURIComponent(name)}.safetensors`;
  const response = await get(url);
  if (response.status === 401) throw new Error('The server gives its model only to those who have its token');
  if (!response.ok) {
    throw new Error(`${url} answered with status ${String(response.status)}, so there is no model to ask`);
  }
  void keepForOffline(url, response.clone());
  const bytes = await response.arrayBuffer();
  const blob = new Blob([bytes], { type: 'application/octet-stream' });
  // A link cannot show the token.
  const address = token.peek() === '' ? url : URL.createObjectURL(blob);
  return { name, url: address, bytes, blob, version: await versionOf(bytes), opened: null };
}

async function get(url: string): Promise<Response> {
  try {
    return await fetchFromServer(url);
  } catch {
    throw new Error(`${url} cannot be fetched: the server is not there, and no copy was kept`);
  }
}

/** The first of the server's models; null where the host has no list. */
async function firstModelName(): Promise<string | null> {
  try {
    const response = await fetchFromServer('models', { headers: { Accept: 'application/json' } });
    if (!response.ok) return null;
    const kept = response.clone();
    const list = (await response.json()) as { models?: { name?: unknown }[] };
    const name = list.models?.[0]?.name;
    if (typeof name !== 'string') return null;
    void keepForOffline('models', kept);
    serverHere.value = true;
    return name;
  } catch {
    return null;
  }
}

/** As the server numbers versions. Browsers hash only on https and localhost. */
export async function versionOf(bytes: ArrayBuffer): Promise<string> {
  if (!('subtle' in crypto)) return '';
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest.subarray(0, 6), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
