import { signal } from '@preact/signals';
import { isSaved } from './is-saved';

/** The cache that the service worker reads models from. */
const modelCache = 'copse-models';

/** Whether a reload works without the server. */
export const offlineReady = signal(false);

/** How long a page is left alone before what it may need later is fetched. */
const restDelayMs = 2_000;

const kept: Promise<void>[] = [];

/** Keeps a copy of what was just fetched, so that it need not be fetched again to be kept. */
export function keepForOffline(url: string, response: Response): Promise<void> {
  const keeping = put(url, response);
  kept.push(keeping);
  return keeping;
}

async function put(url: string, response: Response): Promise<void> {
  if (!('caches' in window)) return;
  try {
    await (await caches.open(modelCache)).put(url, response);
  } catch {
    // A full or forbidden storage only costs the offline copy.
  }
}

/** Installs the service worker; browsers have them on https and localhost only. */
export async function startOffline(): Promise<void> {
  if (isSaved || !import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('sw.js');
    await navigator.serviceWorker.ready;
    await Promise.all(kept);
    offlineReady.value = true;
    setTimeout(() => void keepTheRest(), restDelayMs);
  } catch {
    // Without it the page works as long as the server does.
  }
}

/** Lets the service worker fetch what only importing needs; not where people pay for every byte. */
async function keepTheRest(): Promise<void> {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  if (connection?.saveData === true) return;
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage('keep the rest');
}
