import { signal } from '@preact/signals';

// The server that this page came from, and the token that it may ask for.

const key = 'copse-token';

function remembered(): string {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/** Sent with every request to the server; empty: none. Kept in memory, and elsewhere only by a tick. */
export const token = signal(remembered());

/** Whether the server refused a request for its token since one was given. */
export const tokenWanted = signal(false);

/** Whether the page came with a list of models: from a Copse server, and no host of files. */
export const serverHere = signal(false);

/** Takes a token, or forgets it; with `remember` a reload of this tab still has it. */
export function setToken(text: string, remember: boolean): void {
  token.value = text;
  tokenWanted.value = false;
  try {
    if (remember && text !== '') sessionStorage.setItem(key, text);
    else sessionStorage.removeItem(key);
  } catch {
    // Without storage it lasts as long as the page.
  }
}

/** `fetch` from the server that the page came from, with the token. Rejects where nobody answers. */
export async function fetchFromServer(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const sent = token.peek();
  if (sent !== '') headers.set('Authorization', `Bearer ${sent}`);
  const response = await fetch(path, { ...init, headers });
  if (response.status === 401 && sent === token.peek()) tokenWanted.value = true;
  return response;
}
