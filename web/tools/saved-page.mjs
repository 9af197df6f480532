// The page as one file that works from disk, without a model: src/save/ puts one in.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'vite';

/** `'sha256-...'` of a script or style sheet, as a Content-Security-Policy names it. */
function hashOf(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The text with nothing in it that ends or changes a script element. */
function asScript(code) {
  const text = code.trim().replaceAll(/<(?=\/script|script|!--)/gi, '\\x3C');
  // The parser of HTML rewrites these, and the hash would be another's.
  if (/[\r\0]/.test(text)) throw new Error('the script has characters that HTML does not keep');
  return text;
}

/** The HTML of the saved page; `web` is the folder of the page's sources. What is in it is added to `modules`. */
export async function savedPage(web, modules) {
  const { output } = await build({
    root: web,
    configFile: join(web, 'saved-page/vite.config.ts'),
    mode: 'saved',
    logLevel: 'warn',
    plugins: [modules.plugin()],
    worker: { plugins: () => [modules.plugin()] },
  });
  const scripts = output.filter(({ type }) => type === 'chunk');
  const styles = output.filter(({ fileName }) => fileName.endsWith('.css'));
  if (scripts.length !== 1 || styles.length !== 1 || output.length !== 2) {
    throw new Error(`the saved page is not one script and one style sheet: ${output.map(({ fileName }) => fileName).join(' ')}`);
  }
  const script = asScript(scripts[0].code);
  const style = String(styles[0].source).trim();
  if (/<\/style|\r|\0|url\(/i.test(style)) throw new Error('the style sheet cannot stand in the page');
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)} 'wasm-unsafe-eval'`,
    `style-src ${hashOf(style)}`,
    'worker-src blob:',
    // The bytes of the model come out of the page itself.
    'connect-src data:',
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const icon = (await readFile(join(web, 'public/favicon.svg'))).toString('base64');
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="referrer" content="no-referrer" />
    <meta name="color-scheme" content="light dark" />
    <title>Copse: ask a forest</title>
    <link rel="icon" href="data:image/svg+xml;base64,${icon}" />
    <style>${style}</style>
  </head>
  <body>
    <div id="app">
      <noscript>
        <main class="page">
          <p class="notice">This page computes in your browser, and for that it needs JavaScript.</p>
        </main>
      </noscript>
    </div>
    <script type="application/json" id="saved-model">null</script>
    <script type="module">${script}</script>
  </body>
</html>
`;
}
