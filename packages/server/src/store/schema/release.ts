/** Tables of releases beyond the first: contribution counts, release keys, erasure that reaches. */

export const releaseSql = ''

export const releaseGrantsSql = ''
