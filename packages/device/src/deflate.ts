/** Raw DEFLATE (RFC 1951) through the streams that browsers and Node share. */

export function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream('deflate-raw'))
  return new Response(stream).bytes()
}
