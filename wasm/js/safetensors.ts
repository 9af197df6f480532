/** `__metadata__` of a safetensors file that this package made itself. */
export function readMetadata(bytes: Uint8Array): Readonly<Record<string, string>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  const header = new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes));
  return (JSON.parse(header) as { __metadata__: Record<string, string> }).__metadata__;
}
