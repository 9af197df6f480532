// Forests of any size, as model files (docs/FORMAT.md): what no trained model in this repository is.

/** Numbers from 0 to 1 that look like chance and are the same every time. */
function* dice(seed) {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/**
 * A regression of `nTrees` trees with 2^depth leaves each, added up; features are uniform in 0 to 1,
 * and every leaf has seen one row.
 */
export function completeForest({ nTrees, depth, nFeatures = 4, seed = 1, names = Array.from({ length: nFeatures }, (_, f) => `f${f}`) }) {
  const chance = dice(seed);
  const next = () => chance.next().value;
  const nNodes = 2 ** depth - 1;
  const nLeaves = 2 ** depth;
  const nodes = Array.from({ length: nTrees * nNodes }, (_, i) => i);
  const child = (i, side) => {
    const t = Math.floor(i / nNodes);
    const below = 2 * (i % nNodes) + 1 + side;
    return below < nNodes ? t * nNodes + below : ~(t * nLeaves + below - nNodes);
  };
  const levelOf = (i) => Math.floor(Math.log2((i % nNodes) + 1));
  const tensors = [
    ['leaf.cover', 'F64', [nTrees * nLeaves], Float64Array.from({ length: nTrees * nLeaves }, () => 1)],
    ['leaf.value', 'F64', [nTrees * nLeaves, 1], Float64Array.from({ length: nTrees * nLeaves }, () => (next() - 0.5) / nTrees)],
    ['node.cover', 'F64', [nodes.length], Float64Array.from(nodes, (i) => 2 ** (depth - levelOf(i)))],
    ['node.threshold', 'F64', [nodes.length], Float64Array.from(nodes, () => 0.2 + 0.6 * next())],
    ['base', 'F64', [1], Float64Array.of(0.5)],
    ['feature.min', 'F64', [nFeatures], new Float64Array(nFeatures)],
    ['feature.max', 'F64', [nFeatures], new Float64Array(nFeatures).fill(1)],
    ['node.left', 'I32', [nodes.length], Int32Array.from(nodes, (i) => child(i, 0))],
    ['node.right', 'I32', [nodes.length], Int32Array.from(nodes, (i) => child(i, 1))],
    ['tree.begin', 'U32', [nTrees + 1], Uint32Array.from({ length: nTrees + 1 }, (_, t) => t * nNodes)],
    ['tree.root', 'I32', [nTrees], Int32Array.from({ length: nTrees }, (_, t) => t * nNodes)],
    ['node.feature', 'U16', [nodes.length], Uint16Array.from(nodes, () => Math.floor(next() * nFeatures))],
    ['node.flags', 'U8', [nodes.length], new Uint8Array(nodes.length)],
  ];
  return fileOf(tensors, names);
}

function fileOf(tensors, names) {
  const features = names.map((name) => ({ name, kind: 'num' }));
  const header = {
    __metadata__: {
      accumulate: 'f64', combine: 'sum', decision: 'argmax', features: JSON.stringify(features), format: 'copse.forest',
      format_version: '1', input: 'f64', link: 'identity', link_math: 'f64', missing: 'error',
      outputs: JSON.stringify([{ name: 'y', kind: 'value', columns: [0, 1] }]),
    },
  };
  let at = 0;
  for (const [name, dtype, shape, numbers] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + numbers.byteLength] };
    at += numbers.byteLength;
  }
  const text = JSON.stringify(header);
  const head = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([size, head, ...tensors.map(([, , , numbers]) => Buffer.from(numbers.buffer))]);
}
