// A module with the door's names where every call is answered by 8, except those in `traps`,
// which trap: what happens after a failure can be tried without breaking the real one.
const names = [
  ...['_initialize', 'malloc', 'free', 'copse_load', 'copse_free', 'copse_describe'],
  ...['copse_columns', 'copse_check_rows', 'copse_predict', 'copse_text', 'copse_text_size'],
  'copse_error_code',
];

const section = (id, body) => [id, ...leb(body.length), ...body];
const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >> 7)]);
const vector = (items) => [...leb(items.length), ...items.flat()];
const text = (name) => vector([...new TextEncoder().encode(name)].map((byte) => [byte]));

const answerEight = [0, 0x41, 8, 0x0b]; // no locals; i32.const 8; end
const trap = [0, 0x00, 0x0b]; // no locals; unreachable; end

export function trappingModule(traps) {
  const bodies = names.map((name) => (traps.includes(name) ? trap : answerEight));
  const exported = names.map((name, i) => [...text(name), 0, i]);
  return new WebAssembly.Module(
    Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, vector([[0x60, 0, 1, 0x7f]])), // one type: () -> i32
      ...section(3, vector(names.map(() => [0]))),
      ...section(5, vector([[0, 1]])), // one page
      ...section(7, vector([...exported, [...text('memory'), 2, 0]])),
      ...section(10, vector(bodies.map((body) => [...leb(body.length), ...body]))),
    ]),
  );
}
