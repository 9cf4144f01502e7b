/**
 * DATA/sign-in.json: the OpenID Connect provider that knows the staff, and which of its groups has which role here.
 *
 * ```json
 * { "issuer": "https://login.example", "clientId": "fairtrace", "clientSecret": "…", "portal": "https://fairtrace.example",
 *   "scopes": ["openid", "profile", "groups"], "groupsClaim": "groups", "roles": { "fairtrace-owners": "programme-owner" } }
 * ```
 */
import { isIPv4 } from 'node:net'
import { z } from 'zod'

export const STAFF_ROLES = [
  'programme-owner',
  'data-protection',
  'worker-representative',
  'researcher',
  'auditor',
  'operator',
] as const
export type StaffRole = (typeof STAFF_ROLES)[number]

/** Tokens and secrets travel there, so only encrypted, or within this machine. */
const provider = z
  .url({ protocol: /^https?$/ })
  .refine((text) => isPrivateWay(new URL(text)), 'https is needed, except on the loopback address')
/** Scheme, host and port alone: cookies, passkeys and the way back are bound to them. */
const origin = provider
  .refine((text) => ['', '/'].includes(text.slice(new URL(text).origin.length)), 'the address alone, without a path')
  .transform((text) => new URL(text).origin)

export const signInSettingsSchema = z.strictObject({
  issuer: provider,
  clientId: z.string().min(1).max(256),
  /** Without one the provider must know us as a public client; PKCE protects the code either way. */
  clientSecret: z.string().min(1).max(1024).optional(),
  /** What people type to reach the portal, if a proxy stands before it. */
  portal: origin.optional(),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/))
    .max(20)
    .refine((scopes) => scopes.includes('openid'), 'openid must be one of them')
    .default(['openid', 'profile']),
  /** Claim of the ID token: a list of texts, or one text. */
  groupsClaim: z.string().min(1).max(256),
  /** A group that isn't here has no role. */
  roles: z
    .record(z.string().min(1).max(256), z.enum(STAFF_ROLES))
    .refine((roles) => Object.keys(roles).length > 0, 'at least one group needs a role'),
})
export type SignInSettings = z.infer<typeof signInSettingsSchema>

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))
}

function isPrivateWay({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || isLoopback(hostname)
}
