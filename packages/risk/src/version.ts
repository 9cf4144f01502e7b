/** Named in every report: figures of two versions are not compared. */
export const RISK_VERSION = '1'
