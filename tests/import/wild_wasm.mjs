// node wild_wasm.mjs < LIST
//
// Imports files through the npm package, one after the other, so that as much memory is used as the
// largest needs. LIST is JSON: [{"file": PATH, "iterations": "best" | "all" (optional)}, ...]. Prints
// one line of JSON for each, in order: {"file", "sha256"} of the model file that came of it, or
// {"file", "error"}. wild_test.py holds them against what the command line makes of the same files.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

import { ForestError, importModel } from 'copse/import';

/** What becomes of one file. An error that is no refusal is a fault of ours, and says so. */
async function answerFor({ file, iterations }) {
  try {
    const { bytes } = await importModel(await readFile(file), { ...(iterations && { iterations }) });
    return { file, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (cause) {
    return { file, error: cause instanceof ForestError ? cause.message : `fault: ${cause.stack}` };
  }
}

for (const entry of JSON.parse(await text(process.stdin))) {
  console.log(JSON.stringify(await answerFor(entry)));
}
