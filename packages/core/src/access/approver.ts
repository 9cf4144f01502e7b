/** The two approver slots. Named, because a set has no "two different ones". */
export const APPROVER_ROLES = ['data-protection', 'worker-representative'] as const
export type ApproverRole = (typeof APPROVER_ROLES)[number]

/**
 * Checks one Ed25519 signature. An answer other than `true`, or a throw, is a signature that doesn't count.
 * @param signature base64url, 86 characters
 * @param publicKey raw, base64url, 43 characters
 */
export type VerifySignature = (message: Uint8Array, signature: string, publicKey: string) => boolean
