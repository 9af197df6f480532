// How near two numbers must be: the `tolerance` of a case.json.

/** Distance between neighbouring float32 at |x|, as numpy.spacing gives it. */
function spacing32(x) {
  const bits = new Uint32Array(new Float32Array([Math.abs(x)]).buffer);
  const [here] = new Float32Array(bits.buffer);
  bits[0] += 1;
  return new Float32Array(bits.buffer)[0] - here;
}

const allowed = {
  bits: () => 0,
  absolute: ({ value }) => value,
  relative: ({ value }, expected) => value * Math.max(Math.abs(expected), 1e-300),
  ulp32: ({ value }, expected) => value * spacing32(expected),
};

/** NaN agrees with NaN, and -0 with 0. */
export function agrees(expected, got, tolerance) {
  if (expected === got || (Number.isNaN(expected) && Number.isNaN(got))) return true;
  return Math.abs(expected - got) <= allowed[tolerance.kind](tolerance, expected);
}

/** Throws at the first number of `got` that is too far from `expected` [rows, columns]. */
export function demandAgreement(expected, got, columns, tolerance, what) {
  if (expected.length !== got.length) {
    throw new Error(`${what}: ${got.length} numbers where ${expected.length} are expected`);
  }
  const at = expected.findIndex((value, i) => !agrees(value, got[i], tolerance));
  if (at < 0) return;
  throw new Error(
    `${what}, row ${Math.floor(at / columns) + 1}, column ${at % columns}: ` +
      `${got[at]} where ${expected[at]} is expected (${JSON.stringify(tolerance)})`,
  );
}
