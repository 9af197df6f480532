import type { ModelCard, OutputAnswer, OutputCard } from './model-card';

type Fields = Readonly<Record<string, unknown>>;

/** The JSON of a prediction as the server sends it, or null where it is not one. */
export function readPrediction(
  body: unknown,
  card: ModelCard,
): { outputs: OutputAnswer[]; version: string } | null {
  if (!isFields(body)) return null;
  const version = typeof body['version'] === 'string' ? body['version'] : '';
  const outputs = card.outputs.map((output) => readOutput(fieldsOf(body, output, card), output));
  return outputs.every((output) => output !== null) ? { outputs, version } : null;
}

/** Several outputs come by name under `outputs`; a single one stands in the body itself. */
function fieldsOf(body: Fields, output: OutputCard, card: ModelCard): unknown {
  if (card.outputs.length === 1) return body;
  return isFields(body['outputs']) ? body['outputs'][output.name] : null;
}

function readOutput(fields: unknown, output: OutputCard): OutputAnswer | null {
  if (!isFields(fields)) return null;
  if (output.kind !== 'class') {
    const value = numberOf(fields['value']);
    return value === null ? null : { kind: 'value', value };
  }
  const { index, probabilities } = fields;
  if (typeof index !== 'number' || !isFields(probabilities)) return null;
  return {
    kind: 'class',
    index,
    label: String(fields['label']),
    probabilities: inOrder(probabilities, output.labels).map((x) => numberOf(x) ?? NaN),
  };
}

/**
 * Probabilities in the order of the labels.
 *
 * The server writes labels as they were trained: 1.0 and True, which JavaScript writes 1 and true.
 * Such names keep their order in an object; names of whole numbers do not, but those are found.
 */
function inOrder(probabilities: Fields, labels: readonly string[]): unknown[] {
  const found = labels.map((label) => probabilities[label]);
  return found.includes(undefined) ? Object.values(probabilities) : found;
}

/** JSON has no NaN and no infinity: the server sends null for them. */
function numberOf(x: unknown): number | null {
  if (x === null) return NaN;
  return typeof x === 'number' ? x : null;
}

function isFields(x: unknown): x is Fields {
  return typeof x === 'object' && x !== null && !Array.isArray(x);
}
