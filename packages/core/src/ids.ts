/**
 * Branded ids: a person's pseudonym can't be passed where a device id belongs.
 *
 * A brand is made once, where a value is parsed; from there on the type carries the proof.
 */
declare const brand: unique symbol
type Branded<Kind extends string> = string & { readonly [brand]: Kind }

/** Slug of a programme, 3 to 63 characters of `a-z 0-9 -`. */
export type ProgrammeId = Branded<'programme'>
/** The only name a participant has inside a programme: 22 characters of base64url (128 random bits). */
export type Pseudonym = Branded<'pseudonym'>
/** One enrolled device: 22 characters of base64url. */
export type DeviceId = Branded<'device'>
/** One continuous stretch of actions on one device: 22 characters of base64url. */
export type RecordingId = Branded<'recording'>
/** SHA-256 of a sealed batch as it travels, base64url (43 characters): the id is the content. */
export type BatchId = Branded<'batch'>
/** A day's vault key: the first 8 bytes of SHA-256 over its public key, hex (16 characters). */
export type VaultKeyId = Branded<'vault-key'>
/** SHA-256 of a release's manifest, base64url (43 characters). */
export type ReleaseId = Branded<'release'>
/** SHA-256 of a charter's canonical JSON, base64url (43 characters). */
export type CharterHash = Branded<'charter-hash'>

export const programmeIdPattern = /^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/
export const id128Pattern = /^[A-Za-z0-9_-]{22}$/
export const digestPattern = /^[A-Za-z0-9_-]{43}$/
export const vaultKeyIdPattern = /^[0-9a-f]{16}$/
