/** Tables of the training room: runs, outputs and their review, models and budgets. */

export const roomSql = ''

export const roomGrantsSql = ''
