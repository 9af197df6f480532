import { signal } from '@preact/signals';

/** The cache that the service worker reads models from. */
const modelCache = 'copse-models';

/** Whether a reload works without the server. */
export const offlineReady = signal(false);

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
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('sw.js');
    await navigator.serviceWorker.ready;
    await Promise.all(kept);
    offlineReady.value = true;
  } catch {
    // Without it the page works as long as the server does.
  }
}
