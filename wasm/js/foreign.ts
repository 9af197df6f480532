import { ForestError, errorCode } from './error.js';

/** How files of other libraries begin. */
const beginnings: readonly (readonly [what: string, ...begins: readonly string[]])[] = [
  ['a Python pickle', '\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05', 'ccopy_reg\n', 'csklearn', '(isklearn'],
  ['a compressed file', '\x1f\x8b\x08', 'x\x01', 'x^', 'x\x9c', 'x\xda', 'BZh', '\xfd7zXZ', '\x04"M\x18'],
  ['JSON or UBJSON, as XGBoost and CatBoost write it', '{'],
  ['a text model of LightGBM', 'tree\n', 'tree\r\n'],
];

/** Its first field is the version of its format. Ours has the upper half of a length behind it. */
function looksLikeOnnx(head: string): boolean {
  return head.startsWith('\x08') && head.charCodeAt(1) < 32 && !head.startsWith('\0\0\0\0', 4);
}

/** Whether `bytes` begin as a model file of this package does: with a length and a JSON header. */
export function isModelFile(bytes: Uint8Array): boolean {
  return headOf(bytes).startsWith('\0\0\0\0{', 4);
}

function headOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 64));
}

/**
 * What to say about a refused file that another library wrote, if it is one; undefined for a
 * damaged one of ours.
 */
export function foreignRefusal(bytes: Uint8Array): ForestError | undefined {
  if (isModelFile(bytes)) return undefined;
  const head = headOf(bytes);
  const [found] = beginnings.find(([, ...begins]) => begins.some((b) => head.startsWith(b))) ?? [];
  const what = found ?? (looksLikeOnnx(head) ? 'an ONNX model' : undefined);
  if (what === undefined) return undefined;
  return new ForestError(
    errorCode.unsupportedModel,
    `the file is ${what}, not a *.safetensors model: ` +
      "turn it into one with importModel of 'copse/import', or with the command `copse import`",
  );
}
