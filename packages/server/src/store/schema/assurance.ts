/** Tables of assurance: drills, evidence, the gate and its signatures. */

export const assuranceSql = ''

export const assuranceGrantsSql = ''
