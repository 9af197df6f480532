// The files for Kubernetes: rendered by kustomize, held against the API's own schemas, and against
// what the program really takes and answers.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import yaml from 'yaml';

import { eventually } from '../web/support/browser.mjs';
import { programOf, skipWithout } from '../web/support/programs.mjs';
import { startService } from '../web/support/service.mjs';
import { root } from '../wasm/support/vectors.mjs';

const run = promisify(execFile);
const kustomize = programOf('kustomize', 'usr/bin/kustomize');
const skip = skipWithout(kustomize, 'kustomize');
const binary = process.env.COPSE_BIN ?? join(root, 'build/bin/copse');

/** Objects of each folder that is applied, by the folder's name. */
const rendered = {};
let copy;
let password;

before(async () => {
  if (skip) return;
  copy = await mkdtemp(join(tmpdir(), 'copse-kubernetes-'));
  await cp(join(root, 'docker/kubernetes'), copy, { recursive: true });
  const production = join(copy, 'overlays/production');
  // The commands that people are told to paste.
  const said = await readFile(join(root, 'docker/kubernetes/README.md'), 'utf8');
  const [, pasted] = /^```sh\n(\(umask 077 && cd docker\/kubernetes[^]*?)^```/m.exec(said);
  await run('bash', ['-euc', pasted.replace('docker/kubernetes', '.')], { cwd: copy });
  password = await readFile(join(production, 'redis-password'), 'utf8');
  // An overlay of an operator's own.
  await mkdir(join(copy, 'overlays/guarded'));
  await writeFile(join(copy, 'overlays/guarded/kustomization.yaml'),
    'resources: [../production]\ncomponents: [../../token]\n');
  await writeFile(join(copy, 'token/auth-token'), 'a-word\n');
  for (const name of ['overlays/one', 'overlays/production', 'overlays/guarded', 'kserve']) {
    const { stdout, stderr } = await run(kustomize, ['build', join(copy, name)]);
    assert.equal(stderr, '', 'kustomize has nothing to warn of');
    rendered[name] = yaml.parseAllDocuments(stdout).map((document) => document.toJS());
  }
});

after(() => copy && rm(copy, { recursive: true, force: true }));

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const all = () => Object.values(rendered).flat();
const named = (folder, kind, name) => rendered[folder].find((each) => each.kind === kind && each.metadata.name === name);

/** The pod that an object makes. */
function podOf(object) {
  return object.kind === 'InferenceService' ? object.spec.predictor : object.spec?.template?.spec;
}

/** The pod that KServe makes of the InferenceService. */
function podOfService() {
  const spec = { ...podOf(named('kserve', 'InferenceService', 'iris')) };
  delete spec.minReplicas;
  delete spec.maxReplicas;
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'iris' }, spec };
}

/** The same with the values of secrets on one line, which kustomize folds and the API server unfolds. */
function unfolded(object) {
  if (object.kind !== 'Secret') return object;
  const data = Object.entries(object.data).map(([key, value]) => [key, value.replaceAll(/\s/g, '')]);
  return { ...object, data: Object.fromEntries(data) };
}

const pods = () => all().map(podOf).filter(Boolean);
const services = () => pods().filter((pod) => pod.containers.some(({ image }) => image.startsWith('rf-api')));

test('every object is what the API of Kubernetes takes', { skip }, async () => {
  const kinds = [];
  for (const object of all()) {
    if (object.kind === 'InferenceService') continue; // not of Kubernetes: see below
    const api = await import(`kubernetes-models/${object.apiVersion}`);
    new api[object.kind](unfolded(object)).validate();
    kinds.push(object.kind);
  }
  const expected = ['Deployment', 'HorizontalPodAutoscaler', 'NetworkPolicy', 'PodDisruptionBudget', 'Secret', 'Service', 'StatefulSet'];
  assert.deepEqual([...new Set(kinds)].sort(), expected);
  const { Deployment } = await import('kubernetes-models/apps/v1');
  const broken = structuredClone(named('overlays/one', 'Deployment', 'copse'));
  broken.spec.replicas = 'three';
  assert.throws(() => new Deployment(broken).validate(), /replicas/);
});

/** Complaints of the compiler about objects that have fields which their types do not. */
async function complaints(objects) {
  const folder = join(root, 'build/kubernetes');
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'objects.ts');
  const lines = objects.map((object, i) => `import type { I${object.kind} as T${i} } from 'kubernetes-models/${object.apiVersion}';
export const object${i}: T${i} = ${JSON.stringify(object)};`);
  await writeFile(path, lines.join('\n'));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext'];
  return run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options, path]).then(() => '', ({ stdout }) => stdout);
}

test('no object has a field that the API does not know', { skip }, async () => {
  const objects = all().filter(({ kind }) => kind !== 'InferenceService');
  objects.push(podOfService());
  assert.equal(await complaints(objects), '');
  for (const change of [
    (deployment) => (deployment.spec.template.spec.topologySpreadConstraint = []),
    (deployment) => (deployment.spec.template.spec.containers[0].securityContext.readonlyRootFilesystem = true),
    (deployment) => (deployment.spec.strategy.rollingUpdate.maxUnavailble = 0),
  ]) {
    const broken = structuredClone(named('overlays/one', 'Deployment', 'copse'));
    change(broken);
    assert.match(await complaints([broken]), /topologySpreadConstraint|readonlyRootFilesystem|maxUnavailble/);
  }
});

test('every image has a version', { skip }, () => {
  for (const { image } of pods().flatMap((pod) => pod.containers)) assert.match(image, /:(?!latest)[\w.-]+$/);
});

test('the pod of the InferenceService is a pod, and speaks the protocol at the port that is named', { skip }, async () => {
  const { minReplicas, maxReplicas } = podOf(named('kserve', 'InferenceService', 'iris'));
  assert.ok(minReplicas <= maxReplicas);
  const { Pod } = await import('kubernetes-models/v1');
  const { spec } = podOfService();
  new Pod(podOfService()).validate();
  // The names that KServe looks for.
  const [container] = spec.containers;
  assert.equal(container.name, 'kserve-container');
  assert.deepEqual(container.ports, [{ name: 'http1', containerPort: 5000, protocol: 'TCP' }]);
});

test('nobody is root, nothing is writable but what is mounted, no rights are left', { skip }, () => {
  assert.ok(pods().length >= 4);
  for (const pod of pods()) {
    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.ok(pod.securityContext.runAsUser > 0);
    assert.equal(pod.securityContext.seccompProfile.type, 'RuntimeDefault');
    assert.equal(pod.automountServiceAccountToken, false);
    for (const { securityContext, resources, livenessProbe, readinessProbe } of pod.containers) {
      const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = securityContext;
      assert.deepEqual([readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities.drop], [true, false, ['ALL']]);
      assert.ok(resources.limits.memory && resources.requests.cpu && livenessProbe && readinessProbe);
    }
  }
});

function mebibytes(text) {
  const [, n, unit] = /^(\d+)(Mi|Gi)$/.exec(text);
  return Number(n) * (unit === 'Gi' ? 1024 : 1);
}

test('what is written has a place, which is mounted, and limits that hold it', { skip }, () => {
  for (const pod of services()) {
    const [container] = pod.containers;
    const given = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
    const folders = [given.TMPDIR, dirname(given.COPSE_LOG)];
    const mounts = container.volumeMounts.filter(({ readOnly }) => !readOnly);
    assert.deepEqual(mounts.map(({ mountPath }) => mountPath).sort(), folders.sort());
    const sizes = pod.volumes.flatMap(({ emptyDir }) => (emptyDir ? [mebibytes(emptyDir.sizeLimit)] : []));
    const sum = sizes.reduce((a, b) => a + b);
    assert.ok(sum <= mebibytes(container.resources.limits['ephemeral-storage']), String(sum));
    // Half of the threads may have a stream, each of which keeps up to 1 GiB that its client does not read.
    const { emptyDir } = pod.volumes.find(({ name }) => name === 'tmp');
    assert.ok(mebibytes(emptyDir.sizeLimit) > 1024 * (Number(given.COPSE_THREADS) / 2));
  }
});

test('Redis may hold everything twice', { skip }, () => {
  const [container] = podOf(named('overlays/production', 'StatefulSet', 'redis-server')).containers;
  const most = Number(/^(\d+)mb$/.exec(container.args[container.args.indexOf('--maxmemory') + 1])[1]);
  assert.ok(mebibytes(container.resources.limits.memory) >= 2 * most);
});

test('selectors find the pods, and ports and mounts are there', { skip }, () => {
  for (const objects of Object.values(rendered)) {
    const templates = objects.filter(({ spec }) => spec?.template).map(({ spec }) => spec.template);
    const finds = (selector) => templates.filter(({ metadata }) =>
      Object.entries(selector).every(([label, value]) => metadata.labels[label] === value));
    for (const { kind, spec } of objects) {
      const selector = { Service: spec?.selector, NetworkPolicy: spec?.podSelector?.matchLabels }[kind] ?? spec?.selector?.matchLabels;
      if (selector === undefined) continue;
      assert.equal(selector['app.kubernetes.io/name'], 'copse', `${kind} means no other application's`);
      assert.equal(finds(selector).length, 1, `${kind}: ${JSON.stringify(selector)}`);
      if (kind !== 'Service') continue;
      const ports = finds(selector)[0].spec.containers.flatMap((container) => container.ports.map(({ name }) => name));
      for (const { targetPort } of spec.ports) assert.ok(ports.includes(targetPort), targetPort);
    }
    for (const { spec } of templates) {
      const volumes = (spec.volumes ?? []).map(({ name }) => name);
      const claims = objects.flatMap((object) => object.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
      for (const { name } of spec.containers.flatMap((container) => container.volumeMounts)) {
        assert.ok([...volumes, ...claims].includes(name), name);
      }
    }
  }
  const autoscaler = named('overlays/production', 'HorizontalPodAutoscaler', 'copse');
  assert.deepEqual([autoscaler.spec.minReplicas, autoscaler.spec.maxReplicas], [3, 12]);
  assert.equal(named('overlays/production', 'Deployment', 'copse').spec.replicas, undefined, 'it would undo the autoscaler\'s');
});

test('the options are the program\'s, and the probes its routes', { skip }, async () => {
  const secret = rendered['overlays/production'].find(({ kind }) => kind === 'Secret');
  assert.equal(Buffer.from(secret.data['redis-password'], 'base64').toString(), password);
  const passwordFile = join(copy, 'overlays/production/redis-password');
  const service = await startService();
  try {
    for (const pod of services()) {
      const [container] = pod.containers;
      const given = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
      const { stdout: help } = await run(binary, ['serve', '--help']);
      // A folder that is mounted, and the one variable that is not the program's alone.
      assert.equal(given.TMPDIR, '/tmp');
      delete given.TMPDIR;
      for (const name of Object.keys(given)) assert.ok(help.includes(`Env:${name})`), `${name} is an option`);
      // A kill comes after what the program gives itself, and what it waits before.
      const { preStop } = container.lifecycle;
      assert.ok(pod.terminationGracePeriodSeconds > preStop.sleep.seconds + Number(given.COPSE_SHUTDOWN_TIMEOUT));
      // Mounted folders are other folders here.
      given.COPSE_LOG = join(copy, 'predictions.db');
      if (given.COPSE_AUTH_TOKEN_FILE) given.COPSE_AUTH_TOKEN_FILE = join(copy, 'token/auth-token');
      if (given.COPSE_REDIS_PASSWORD_FILE) given.COPSE_REDIS_PASSWORD_FILE = passwordFile;
      given.COPSE_MODEL = join(root, 'models/iris.safetensors');
      await run(binary, ['serve', '--check'], { env: { PATH: process.env.PATH, ...given } });
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
        const { path } = container[probe].httpGet;
        assert.equal((await fetch(new URL(path, service.url))).status, 200, path);
      }
      // Links of a Service called copse would be taken for the option --port.
      assert.equal(pod.enableServiceLinks, false);
    }
    await assert.rejects(run(binary, ['serve', '--check'], { env: { PATH: process.env.PATH, COPSE_PORT: 'tcp://10.0.0.1:80' } }));
  } finally {
    await service.stop();
  }
});

test('an overlay that takes the token in has a service that asks for it', { skip }, async () => {
  const [{ env }] = podOf(named('overlays/guarded', 'Deployment', 'copse')).containers;
  const { value } = env.find(({ name }) => name === 'COPSE_AUTH_TOKEN_FILE');
  const mounts = podOf(named('overlays/guarded', 'Deployment', 'copse')).containers[0].volumeMounts;
  assert.equal(value, `${mounts.find(({ name }) => name === 'token').mountPath}/auth-token`);
  const service = await startService({ options: ['--auth-token-file', join(copy, 'token/auth-token')] });
  try {
    const url = new URL('predict?s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2', service.url);
    assert.equal((await fetch(url)).status, 401);
    assert.equal((await fetch(url, { headers: { Authorization: 'Bearer a-word' } })).status, 200);
  } finally {
    await service.stop();
  }
});

test('the user of Redis may do what recording takes, no more, and a restart forgets nothing', { skip }, async () => {
  const production = join(copy, 'overlays/production');
  const port = await freePort();
  const { args } = podOf(named('overlays/production', 'StatefulSet', 'redis-server')).containers[0];
  const aclFile = (arg) => (arg === '/run/secrets/redis/users.acl' ? join(production, 'users.acl') : arg);
  const start = () => {
    const child = spawn(args[0], [...args.slice(1).map(aclFile), '--port', String(port), '--bind', '127.0.0.1', '--dir', copy], { stdio: 'ignore' });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    return async () => {
      child.kill('SIGTERM');
      await gone;
    };
  };
  const ask = async (...command) => {
    const login = ['--user', 'copse', '--pass', password, '--no-auth-warning'];
    return (await run('redis-cli', ['-p', String(port), ...login, ...command])).stdout.trim();
  };
  const answers = () => eventually(() => ask('PING').then((said) => said === 'PONG', () => false), 'Redis answers');
  let stop = start();
  try {
    await answers();
    const options = ['--redis', `redis://copse@127.0.0.1:${port}`, '--redis-password-file', join(production, 'redis-password')];
    const service = await startService({ options: [...options, '--log', join(copy, 'recorded.db')] });
    try {
      const row = 's_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2';
      assert.equal((await fetch(new URL(`predict?${row}`, service.url))).status, 200);
      await eventually(async () => (await ask('GET', '0')) !== '', 'the prediction is in Redis');
    } finally {
      await service.stop();
    }
    const recorded = await ask('GET', '0');
    const { startupProbe, readinessProbe } = podOf(named('overlays/production', 'StatefulSet', 'redis-server')).containers[0];
    assert.deepEqual(startupProbe.exec, readinessProbe.exec);
    const [shell, ...rest] = readinessProbe.exec.command.map((part) =>
      part.replace('/run/secrets/redis', production).replace('redis-cli', `redis-cli -p ${String(port)}`));
    await run(shell, rest);
    await assert.rejects(run(shell, rest.map((part) => part.replace('--user copse', '--user nobody'))), 'whom it does not know');
    for (const command of [['CONFIG', 'GET', 'dir'], ['FLUSHALL'], ['KEYS', '*'], ['ACL', 'LIST'], ['SET', 'other', '1']]) {
      assert.match(await ask(...command), /NOPERM/, command.join(' '));
    }
    const { stdout } = await run('redis-cli', ['-p', String(port), 'GET', '0']);
    assert.match(stdout, /NOAUTH|WRONGPASS|NOPERM/, 'nobody reads without the password');
    await stop();
    stop = start();
    await answers();
    assert.equal(await ask('GET', '0'), recorded);
  } finally {
    await stop();
  }
});
