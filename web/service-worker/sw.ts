// Keeps the page working without its server. Compiled on its own: it shares no code with the page.

declare const self: ServiceWorkerGlobalScope & {
  /** Written into the built file by tools/build.mjs. */
  readonly copsePrecache: {
    readonly version: string;
    readonly files: readonly string[];
    /** Kept once the page asks for it: what a first visit does without. */
    readonly rest: readonly string[];
  };
};

const { version, files, rest } = self.copsePrecache;
const pageCache = `copse-page-${version}`;
/** Filled by the page itself as it fetches its model. */
const modelCache = 'copse-models';
/** A server that says nothing for so long counts as gone. */
const patienceMs = 4_000;

const scope = new URL(self.registration.scope);

/** A file of the page; hashed ones may come from the browser's own cache, others must be new. */
function toFetch(file: string): Request {
  return new Request(file, { cache: file.startsWith('assets/') ? 'default' : 'no-cache' });
}

async function install(): Promise<void> {
  const cache = await caches.open(pageCache);
  await cache.addAll(files.map(toFetch));
  await self.skipWaiting();
}

async function keepTheRest(): Promise<void> {
  const cache = await caches.open(pageCache);
  for (const file of rest) {
    if ((await cache.match(file)) === undefined) await cache.add(toFetch(file));
  }
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith('copse-page-') && name !== pageCache);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function cacheFirst(request: Request): Promise<Response> {
  const cache = await caches.open(pageCache);
  return (await cache.match(request)) ?? fetch(request);
}

/** The server's answer while there is a healthy server, else what was kept under `key`. */
async function networkFirst(request: Request, cacheName: string, key: string): Promise<Response> {
  const kept = await (await caches.open(cacheName)).match(key);
  if (kept === undefined) return fetch(request);
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(patienceMs) });
    return response.status >= 500 ? kept : response;
  } catch {
    return kept;
  }
}

/** How a request is answered, or null where it is none of our business. */
function answerTo(request: Request): Promise<Response> | null {
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== scope.origin) return null;
  if (!url.pathname.startsWith(scope.pathname)) return null;
  const path = url.pathname.slice(scope.pathname.length);
  if (path === '' || path === 'index.html') return networkFirst(request, pageCache, 'index.html');
  if (path === 'models' || path.startsWith('models/')) return networkFirst(request, modelCache, request.url);
  return files.includes(path) || rest.includes(path) ? cacheFirst(request) : null;
}

self.addEventListener('install', (event) => { event.waitUntil(install()); });
self.addEventListener('activate', (event) => { event.waitUntil(activate()); });
self.addEventListener('message', (event) => {
  // Without the network the next visit asks again.
  if (event.data === 'keep the rest') event.waitUntil(keepTheRest().catch(() => undefined));
});
self.addEventListener('fetch', (event) => {
  const answer = answerTo(event.request);
  if (answer !== null) event.respondWith(answer);
});

export {};
