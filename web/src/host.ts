/**
 * The model of a host that serves files only, as the page names it; null where a server may say
 * which models it has.
 */
export const hostedModel = document.querySelector<HTMLMetaElement>('meta[name="copse-model"]')?.content ?? null;
