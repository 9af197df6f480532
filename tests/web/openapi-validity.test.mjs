// The service's two API documents, for models of every kind and for who may ask: independent
// validators read them, their examples are sent, and what they document is asked for.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import SwaggerParser from '@apidevtools/swagger-parser';
import { Validator } from '@seriousme/openapi-schema-validator';

import { caseNames, iris, readCase, root } from '../wasm/support/vectors.mjs';
import { startService } from './support/service.mjs';

const folder = await mkdtemp(join(tmpdir(), 'copse-openapi-'));
after(() => rm(folder, { recursive: true }));

/** What Redocly's linter has to say about a document: nothing, but for .redocly.yaml. */
async function lint(document) {
  const path = join(folder, 'openapi.json');
  await writeFile(path, JSON.stringify(document, null, 1));
  const redocly = join(root, 'node_modules/@redocly/cli/bin/cli.js');
  const args = [redocly, 'lint', path, '--config', join(root, '.redocly.yaml'), '--format', 'json'];
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const report = await new Promise((resolve, reject) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      if (stdout.includes('{')) resolve(JSON.parse(stdout.slice(stdout.indexOf('{'))));
      else reject(new Error(`redocly said nothing: ${stderr}`, { cause: error }));
    });
  });
  assert.deepEqual(report.problems, []);
  assert.deepEqual(report.totals, { errors: 0, warnings: 0, ignored: 0 });
}

async function validate(document) {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors, null, 1));
  await SwaggerParser.validate(structuredClone(document));
}

// One of each kind: classes, numbers, several outputs, missing values, categories, wide rows.
const models = [
  ['iris', iris],
  ...caseNames()
    .filter((name) =>
      /^(dt_linnerud|dt_diabetes|dt_iris_multioutput|dt_digits_bestfirst|hgb_cancer_(nan|categorical)|iforest_wine|logreg_wine_multinomial|xgb_cancer_categorical)$/.test(
        name,
      ),
    )
    .map((name) => [name, readCase(name).modelPath]),
];

test('models of every kind are looked at', () => assert.equal(models.length, 10));

for (const [name, model] of models) {
  let service;
  before(async () => {
    service = await startService({ model });
  });
  after(() => service?.stop());

  for (const path of ['/apispec_1.json', '/openapi.json']) {
    test(`${name}: ${path} is valid`, async () => {
      const document = await (await fetch(new URL(path, service.url))).json();
      await validate(document);
      if (path === '/openapi.json') await lint(document);
    });
  }

  test(`${name}: examples of /openapi.json run`, async () => {
    const { paths } = await (await fetch(`${service.url}openapi.json`)).json();
    const post = paths['/predict'].post;
    const examples = post.requestBody.content['application/json'].examples;
    for (const kind of ['row', 'list']) {
      const response = await fetch(`${service.url}predict`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify(examples[kind].value),
      });
      assert.equal(response.status, 200);
      const answer = await response.json();
      const expected = post.responses['200'].content['application/json'].examples[kind].value;
      assert.deepEqual({ ...answer, request_id: '' }, { ...expected, request_id: '' });
    }
    const query = new URLSearchParams();
    for (const parameter of paths['/predict'].get.parameters) {
      if (parameter.in === 'query') query.append(parameter.name, parameter.example);
    }
    const answer = await fetch(`${service.url}predict?${query}`);
    assert.equal(answer.status, 200);
    const content = paths['/predict'].get.responses['200'].content;
    assert.equal(await answer.text(), content['text/html'].example);
  });

  test(`${name}: examples of the inference protocols run`, async () => {
    const { paths } = await (await fetch(`${service.url}openapi.json`)).json();
    const { models } = await (await fetch(`${service.url}v2/models`)).json();
    for (const path of ['/v2/models/{model}/infer', '/v1/models/{model}:predict']) {
      const { post } = paths[path];
      const response = await fetch(new URL(path.replace('{model}', models[0]), service.url), {
        method: 'POST',
        body: JSON.stringify(post.requestBody.content['application/json'].example),
      });
      assert.equal(response.status, 200);
      const expected = post.responses['200'].content['application/json'].example;
      assert.deepEqual(await response.json(), expected);
    }
  });

  test(`${name}: what is documented answers as documented`, async () => {
    const { paths } = await (await fetch(`${service.url}openapi.json`)).json();
    for (const [path, { get }] of Object.entries(paths)) {
      if (!get || path.includes('{') || path === '/predict' || path === '/' || path === '/apidocs/') {
        continue;
      }
      const response = await fetch(new URL(path, service.url));
      await response.arrayBuffer();
      assert.ok(String(response.status) in get.responses, `${path}: ${response.status}`);
      const [type] = response.headers.get('content-type').split(';');
      assert.ok(type in get.responses[response.status].content, `${path}: ${type}`);
    }
  });
}

const tokens = ['--auth-token', 'for-predictions', '--control-token', 'for-operators'];
const services = {
  'both tokens and a rate': [...tokens, '--rate-limit', '100'],
  'the token for predictions': tokens.slice(0, 2),
  'the token for operators': tokens.slice(2),
  'the recent predictions': [...tokens, '--predictions-route', '--log', join(folder, 'log.db')],
  'no models': null,
};
for (const [name, options] of Object.entries(services)) {
  test(`with ${name} the documents are valid`, async () => {
    const none = options === null ? { model: null, options: ['--models', folder] } : { options };
    const service = await startService(none);
    try {
      for (const path of ['apispec_1.json', 'openapi.json']) {
        const document = await (await fetch(service.url + path)).json();
        await validate(document);
        if (path === 'openapi.json') await lint(document);
      }
    } finally {
      await service.stop();
    }
  });
}

test('the linter finds what is wrong', async () => {
  const document = { openapi: '3.1.0', info: { title: 'x', version: '1' }, paths: { '/x': { get: {} } } };
  await assert.rejects(lint(document), assert.AssertionError);
});
