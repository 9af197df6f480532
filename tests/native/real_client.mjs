// Node's own fetch (undici) as a client: real_client.mjs URL FILE. Says as JSON what it was answered.
/* global FormData */
import { channel } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';

const [url, upload] = process.argv.slice(2);
let connections = 0;
channel('undici:client:connected').subscribe(() => (connections += 1));

const query = 's_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2';
const row = { s_length: 6.9, s_width: 3.1, p_length: 5.4, p_width: 2.1 };
const asJson = { 'Content-Type': 'application/json', Accept: 'application/json' };
const tensor = { name: 'input-0', shape: [1, 4], datatype: 'FP64', data: [5.1, 3.5, 1.4, 0.2] };

async function ask(path, options) {
  const response = await fetch(new URL(path, url), options);
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    encoding: response.headers.get('content-encoding'),
    body: await response.text(),
  };
}

const form = new FormData();
form.append('input_file', new Blob([readFileSync(upload)], { type: 'text/csv' }), 'rows.csv');
const infer = { method: 'POST', body: JSON.stringify({ id: 'node', inputs: [tensor] }) };
const rows = { ...tensor, shape: [2000, 4], data: Array.from({ length: 2000 }, () => tensor.data) };
const long = { method: 'POST', body: JSON.stringify({ inputs: [rows] }) };
const answers = {
  query: await ask(`predict?${query}`),
  json: await ask('predict', { method: 'POST', headers: asJson, body: JSON.stringify(row) }),
  file: await ask('predict_file', { method: 'POST', body: form }),
  infer: await ask('v2/models/iris/infer', infer),
  refused: await ask('predict?s_length=wide'),
  gzip: await ask('v2/models/iris/infer', long),
};
process.stdout.write(JSON.stringify({ ...answers, connections }));
