/**
 * Membership inference on a trained model: can its loss tell segments that it was trained on from segments that it never saw?
 *
 * By segment and by loss alone, for a release has no people in it: an upper end for the attackers who have the weights and a
 * candidate segment, not for those who know a whole person. The person-level attack is the risk gate's.
 */
export interface MembershipReport {
  readonly auc: number
  /** Share of members found where one in a thousand others is taken for one; null with too few others to say. */
  readonly truePositiveRateAt001: number | null
  readonly members: number
  readonly others: number
}

const OTHERS_MIN = 1_000

/** @param members losses of segments that it was trained on; `others` of held-out ones. A lower loss speaks for a member */
export function membership(members: readonly number[], others: readonly number[]): MembershipReport {
  const sorted = others.toSorted((a, b) => a - b)
  let below = 0
  for (const loss of members)
    below += sorted.length - place(sorted, loss, true) + 0.5 * (place(sorted, loss, true) - place(sorted, loss, false))
  const auc = members.length === 0 || others.length === 0 ? 0.5 : below / (members.length * others.length)
  const threshold = sorted[Math.floor(others.length / 1_000)] ?? Number.NEGATIVE_INFINITY
  const found = members.filter((loss) => loss < threshold).length
  return {
    auc,
    truePositiveRateAt001: others.length < OTHERS_MIN ? null : found / Math.max(1, members.length),
    members: members.length,
    others: others.length,
  }
}

/** How many are smaller than `value`, or not larger. */
function place(sorted: readonly number[], value: number, isInclusive: boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const at = sorted[middle] ?? 0
    if (at < value || (isInclusive && at === value)) low = middle + 1
    else high = middle
  }
  return low
}
