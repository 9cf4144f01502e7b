/** Tables of incidents: timeline, blast radius, notices, root cause. */

export const incidentSql = ''

export const incidentGrantsSql = ''
