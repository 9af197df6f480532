// The service's two API documents, for models of every kind: two independent validators read them,
// their examples are sent, and what they document is asked for.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import SwaggerParser from '@apidevtools/swagger-parser';
import { Validator } from '@seriousme/openapi-schema-validator';

import { caseNames, iris, readCase } from '../wasm/support/vectors.mjs';
import { startService } from './support/service.mjs';

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
      const { valid, errors } = await new Validator().validate(structuredClone(document));
      assert.ok(valid, JSON.stringify(errors, null, 1));
      await SwaggerParser.validate(structuredClone(document));
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
