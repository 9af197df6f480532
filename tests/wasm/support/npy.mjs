// A strict reader of .npy: version 1.0, row-major, little-endian, the three types the vectors use.
// Source: numpy/lib/format.py, "Format Version 1.0".
import { readFileSync } from 'node:fs';

const arrays = { '<f8': Float64Array, '<f4': Float32Array, '<i8': BigInt64Array };
const header =
  /^\{'descr': '([^']+)', 'fortran_order': False, 'shape': \((\d+),(?: (\d+)(?:, (\d+))?)?\), \} *\n$/;

/** `{ dtype, shape: [rows, columns], data }`; of a file of three dimensions, their shape. */
export function readNpy(path) {
  const bytes = readFileSync(path);
  const fail = (why) => {
    throw new Error(`${path}: ${why}`);
  };
  if (bytes.toString('latin1', 0, 8) !== '\x93NUMPY\x01\x00') fail('is no .npy of version 1.0');
  const start = 10 + bytes.readUInt16LE(8);
  const [, dtype, rows, columns = '1', depth] =
    header.exec(bytes.toString('latin1', 10, start)) ?? fail('has another header than expected');
  const Type = arrays[dtype] ?? fail(`holds ${dtype}`);
  const shape = [rows, columns, ...(depth === undefined ? [] : [depth])].map(Number);
  const size = shape.reduce((product, n) => product * n, 1);
  if (bytes.length - start !== size * Type.BYTES_PER_ELEMENT) {
    fail('has another size than its shape');
  }
  const at = bytes.byteOffset + start;
  const data = new Type(bytes.buffer.slice(at, bytes.byteOffset + bytes.length));
  return { dtype, shape, data };
}

/** The numbers as doubles; whole ones must fit. */
export function toDoubles({ data }) {
  return Float64Array.from(data, (value) => {
    const number = Number(value);
    if (!Number.isNaN(number) && number != value) throw new Error(`${value} is no double`);
    return number;
  });
}
