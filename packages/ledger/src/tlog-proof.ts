/**
 * A proof that travels alone: C2SP tlog-proof, file extension `.tlog-proof`.
 *
 * ```
 * c2sp.org/tlog-proof@v1
 * extra eyJzYWx0IjoiLi4uIn0=
 * index 73894
 * gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
 *
 * fairtrace/orders
 * 109482
 * sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
 *
 * — fairtrace/orders hI2DJw…
 * ```
 * `extra` is not authenticated; ours is `{"salt":"<base64url>"}`, which opens the entry's commitment.
 */
export interface ProofParts {
  readonly index: number
  /** As `inclusionProof` gives it, against the tree of `checkpoint`. */
  readonly path: readonly Uint8Array[]
  /** The signed note, verbatim. */
  readonly checkpoint: string
  readonly extra?: Uint8Array
}

export function encodeTlogProof({ index, path, checkpoint, extra }: ProofParts): string {
  const lines = ['c2sp.org/tlog-proof@v1']
  if (extra !== undefined) lines.push(`extra ${Buffer.from(extra).toString('base64')}`)
  lines.push(`index ${index}`, ...path.map((hash) => Buffer.from(hash).toString('base64')))
  return `${lines.join('\n')}\n\n${checkpoint}`
}
