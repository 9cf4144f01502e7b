/** Tables of what the sentinel and the scanner see: the effective audience, sweeps, honey participants. */

export const sentinelSql = ''

export const sentinelGrantsSql = ''
