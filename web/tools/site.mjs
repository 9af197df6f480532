// What a host that serves files only needs: the policy and the name of the model in the page itself,
// the model, and headers for hosts that read them from a file.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** As `copse serve` sends it; what only a header can say stands in `_headers`. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
];

/** {name, bytes} of a model file, which is loaded to see that it is one. */
export async function readModel(path) {
  const { loadModel } = await import('copse');
  const name = basename(path, '.safetensors');
  if (!/^[\w.-]+$/.test(name)) {
    throw new Error(`${path}: a model's file is named by letters, digits, dots, - and _ here, then .safetensors`);
  }
  const bytes = await readFile(path);
  try {
    (await loadModel(bytes)).free();
  } catch (cause) {
    throw new Error(`${path}: ${cause.message} (copse import makes model files of other formats)`, { cause });
  }
  return { name, bytes };
}

export async function writeForHost(out, { name }) {
  const path = join(out, 'index.html');
  const page = await readFile(path, 'utf8');
  const first = '<meta charset="utf-8" />';
  if (!page.includes(first)) throw new Error(`${path}: no ${first} to put the policy behind`);
  const metas = `<meta http-equiv="Content-Security-Policy" content="${policy.join('; ')}" />
    <meta name="copse-model" content="${name}" />`;
  await writeFile(path, page.replace(first, `${first}\n    ${metas}`));
}

export async function addModel(out, { name, bytes }) {
  await mkdir(join(out, 'models'), { recursive: true });
  await writeFile(join(out, 'models', `${name}.safetensors`), bytes);
}

/** `_headers` is read by Netlify and Cloudflare Pages, `.nojekyll` by GitHub Pages. */
export async function addHostFiles(out) {
  const headers = `/*
  Content-Security-Policy: ${[...policy, "frame-ancestors 'none'"].join('; ')}
  X-Content-Type-Options: nosniff
  Referrer-Policy: no-referrer
/assets/*
  Cache-Control: public, max-age=31536000, immutable
`;
  await writeFile(join(out, '_headers'), headers);
  await writeFile(join(out, '.nojekyll'), '');
}
