/**
 * The one registry of error codes. `docs/errors.md` lists the same codes; a test compares both ways.
 *
 * - `status`: the HTTP status when the code leaves a server.
 * - `exit`: the exit code when the code ends a command (2 usage, 3 refused input, 4 not verified, 5 not allowed now,
 *   6 something that it needs is not there; 10 and up: why Fairtrace could not start).
 * - `advice`: what the reader can do next. Messages carry ids and sizes, never captured content.
 */
export const ERRORS = {
  // Charter
  CHARTER_UNREADABLE: { status: 400, exit: 3, advice: 'Give the path of a charter, a YAML file in UTF-8.' },
  CHARTER_INVALID: {
    status: 422,
    exit: 3,
    advice: 'Correct the field at the line named, then run `fairtrace charter check` again.',
  },
  CHARTER_NOT_IN_FORCE: { status: 409, exit: 5, advice: 'Fetch the charter in force and start again from it.' },
  APPROVAL_INVALID: {
    status: 403,
    exit: 5,
    advice: 'Sign the hash of the proposed charter with the key that the charter in force names.',
  },
  START_REFUSED: {
    status: 409,
    exit: 5,
    advice: 'Record what is missing, have both approvers sign this charter, then start again.',
  },
  GATE_STATEMENT_VOID: {
    status: 409,
    exit: 5,
    advice: 'Draw up a new statement with `fairtrace gate statement`, and have all four sign that one.',
  },
  // Reading input
  INPUT_UNREADABLE: { status: 400, exit: 3, advice: 'Check that the file exists and may be read.' },
  INPUT_FORMAT_UNKNOWN: { status: 400, exit: 2, advice: 'Choose one of the formats that `--help` lists.' },
  INPUT_TRUNCATED: {
    status: 400,
    exit: 3,
    advice: 'The file ends early; what could be read was processed. Fetch it again.',
  },
  USAGE: { status: 400, exit: 2, advice: 'See `--help` for what this command takes.' },
  // Consent and lease
  INVITATION_UNKNOWN: { status: 404, exit: 5, advice: 'Ask for a new invitation; each one works once.' },
  SESSION_REQUIRED: { status: 401, exit: 5, advice: 'Sign in, then try again.' },
  ROLE_REQUIRED: { status: 403, exit: 5, advice: 'Sign in with the role that this needs.' },
  SIGN_IN_LIMITED: { status: 429, exit: 6, advice: 'Wait the time named; then try again with the right password.' },
  SIGN_IN_FAILED: { status: 401, exit: 5, advice: 'Go back to the sign-in page and begin again.' },
  SIGN_IN_UNAVAILABLE: {
    status: 503,
    exit: 6,
    advice: 'Try again in a while; if it lasts, tell whoever runs the sign-in of your organisation.',
  },
  STEP_UP_REQUIRED: {
    status: 403,
    exit: 5,
    advice: 'Confirm with your passkey and send it again; /security lists your passkeys and adds one.',
  },
  PASSKEY_INVALID: { status: 400, exit: 5, advice: 'Try again with a passkey that asks for your finger, face or PIN.' },
  PASSKEY_CHALLENGE_OVER: {
    status: 409,
    exit: 5,
    advice: 'Begin again: a challenge is good once, for two minutes, in one session and for one purpose.',
  },
  PASSKEY_ORIGIN_WRONG: { status: 403, exit: 5, advice: 'Open the portal at its own address and try again there.' },
  PASSKEY_UNKNOWN: { status: 403, exit: 5, advice: 'Use one of the passkeys that /security lists.' },
  PASSKEY_WAITS: {
    status: 403,
    exit: 5,
    advice: 'Wait 72 hours after adding it, or use a passkey that you had before. If it is not yours, remove it.',
  },
  PASSKEY_CLONED: {
    status: 403,
    exit: 5,
    advice: 'Somebody may have a copy of this passkey: remove it at /security with another one, and add a new one.',
  },
  ORIGIN_REFUSED: {
    status: 403,
    exit: 5,
    advice: 'Send it from a page of this portal, or without a cookie and with `Authorization: Bearer`.',
  },
  REFLECTION_NOT_OVER: {
    status: 409,
    exit: 5,
    advice: 'Wait until the reflection period ends; nothing is captured in it.',
  },
  CONSENT_REQUIRED: { status: 403, exit: 5, advice: 'Nothing is captured without consent to the current notice.' },
  CONSENT_PAUSED: { status: 409, exit: 5, advice: 'Resume when you like; nothing is captured until then.' },
  OUTSIDE_WORKING_HOURS: {
    status: 409,
    exit: 5,
    advice: 'Nothing is captured outside the working hours of the charter; wait for them.',
  },
  CONSENT_STALE: { status: 409, exit: 5, advice: 'Read the current notice and choose again.' },
  DEVICE_UNKNOWN: { status: 403, exit: 5, advice: 'Enrol the device again with a new one-time code.' },
  DEVICE_CLOCK_WRONG: {
    status: 400,
    exit: 5,
    advice: 'Set the clock of the device; no lease is given to a device with a wrong clock.',
  },
  REQUEST_FORGED: { status: 401, exit: 5, advice: 'The signature does not belong to this device.' },
  REQUEST_REPLAYED: { status: 409, exit: 5, advice: 'This request was used before; make a new one.' },
  RENEWAL_OVER: {
    status: 401,
    exit: 5,
    advice: 'Ask with the key of the device; renew with the key that you get then.',
  },
  ENROLMENT_CODE_UNKNOWN: {
    status: 404,
    exit: 5,
    advice: 'Make a new code on a device where you are signed in; each one works once, for half an hour.',
  },
  PROGRAMME_NOT_RUNNING: {
    status: 409,
    exit: 5,
    advice: 'Wait until the programme runs; nothing is captured meanwhile.',
  },
  PROGRAMME_STATE_REFUSED: {
    status: 409,
    exit: 5,
    advice: 'A programme goes from draft to approved to running; it may pause and run again; closed is final.',
  },
  LEASE_INVALID: { status: 403, exit: 5, advice: 'Ask for a new lease.' },
  LEASE_REVOKED: {
    status: 403,
    exit: 5,
    advice: 'Consent, device or programme changed meanwhile; ask for a new lease.',
  },
  BUILD_NOT_REVIEWED: { status: 403, exit: 5, advice: 'Install a build that the charter lists.' },
  // Concerns
  CONCERN_TOKEN_INVALID: {
    status: 403,
    exit: 5,
    advice: 'Each token is for one concern, of one month and one programme; raising works once a month.',
  },
  CONCERN_TOKENS_ISSUED: {
    status: 409,
    exit: 5,
    advice: 'The tokens of this month are on another device of yours; raise and join from there.',
  },
  CONCERN_TOKENS_MISSING: {
    status: 409,
    exit: 5,
    advice: 'Tokens come by themselves and are used from the day after at the earliest; try again then.',
  },
  CONCERN_NOT_ANONYMOUS: {
    status: 400,
    exit: 5,
    advice: 'Send it without cookie and without `Authorization`: nobody may see who you are.',
  },
  CONCERN_ROUND_FULL: { status: 409, exit: 5, advice: 'Join a concern that stands, or raise yours next month.' },
  // Upload
  PERMIT_INVALID: { status: 401, exit: 5, advice: 'Ask for a new upload permit and send the batch again.' },
  PERMIT_EXPIRED: { status: 401, exit: 5, advice: 'Ask for a new upload permit and send the batch again.' },
  EPOCH_OVER: { status: 403, exit: 5, advice: 'The programme was fenced; ask for a new lease and permit.' },
  BATCH_MALFORMED: { status: 400, exit: 3, advice: 'The bytes are not a sealed batch; update the device.' },
  BATCH_TOO_LARGE: { status: 413, exit: 3, advice: 'Split the recording into smaller batches.' },
  BATCH_ID_MISMATCH: { status: 400, exit: 3, advice: 'The permit names other bytes; send the batch unchanged.' },
  BATCH_PROGRAMME_MISMATCH: { status: 403, exit: 3, advice: 'The batch belongs to another programme.' },
  BATCH_KEY_UNKNOWN: { status: 400, exit: 3, advice: 'Seal again to the current vault key.' },
  BATCH_UNDECODABLE: { status: 422, exit: 3, advice: 'The batch does not open; it stays in quarantine, unread.' },
  BATCH_SIGNATURE_INVALID: { status: 422, exit: 3, advice: 'The batch was not signed by the device of its lease.' },
  BATCH_REPLAYED: { status: 409, exit: 3, advice: 'This sequence number was used before; nothing is stored twice.' },
  BATCH_NOT_SHIELDED: {
    status: 422,
    exit: 3,
    advice: 'The batch holds more than the charter allows; it stays in quarantine, unread.',
  },
  INTAKE_BUSY: { status: 429, exit: 6, advice: 'Keep the batch and send it again after the time in Retry-After.' },
  // Device
  OUTBOX_FULL: { status: 507, exit: 5, advice: 'Capture has stopped. Review or release what waits, or delete it.' },
  OUTBOX_CORRUPT: { status: 500, exit: 3, advice: 'The outbox does not open with this key; nothing was sent from it.' },
  KEYRING_UNAVAILABLE: {
    status: 503,
    exit: 6,
    advice:
      'Unlock the keyring of this computer and start again; what waits is kept, and opens only with the key in it.',
  },
  AGENT_NOT_RUNNING: { status: 503, exit: 6, advice: 'Start it with `fairtrace-agent start`.' },
  AGENT_EXPOSED: {
    status: 409,
    exit: 5,
    advice: 'Start the agent with `fairtrace-agent start`, and without NODE_OPTIONS: nothing may open its memory.',
  },
  OUTBOX_IN_USE: { status: 409, exit: 10, advice: 'Another process uses this device folder; stop it first.' },
  SERVER_UNREACHABLE: {
    status: 503,
    exit: 6,
    advice: 'Check the address and that Fairtrace runs; what waits is kept.',
  },
  SERVER_REFUSED: { status: 502, exit: 6, advice: 'Read the code of the answer; what waits is kept.' },
  // Vault, access, ledger
  KEY_UNAVAILABLE: { status: 503, exit: 6, advice: 'The key is gone or closed; nothing was opened.' },
  HONEY_UNKNOWN: {
    status: 503,
    exit: 6,
    advice:
      'The scanner did not say who is a honey participant; without it there is no release and no total. Look after it.',
  },
  PLACES_SETTINGS_INVALID: {
    status: 500,
    exit: 2,
    advice: 'Correct places.json in the data directory, and let only its owner read it.',
  },
  KMS_UNAVAILABLE: {
    status: 503,
    exit: 6,
    advice:
      'Look after the key management and what the vault may do there; nothing opens meanwhile, and nothing is lost.',
  },
  KMS_UNTRUSTED: {
    status: 503,
    exit: 4,
    advice: 'The key management gave another key than it was given; find out who answers there before you go on.',
  },
  KMS_SETTINGS_INVALID: {
    status: 503,
    exit: 18,
    advice: 'Correct kms.json in the data directory as `docs/operations.md` describes it, and start again.',
  },
  SEGMENT_CORRUPT: {
    status: 500,
    exit: 4,
    advice: 'A stored object is not what was written; treat it as an exposure.',
  },
  ACCESS_DENIED: {
    status: 403,
    exit: 5,
    advice:
      'The charter names the groups that may ask, for which purpose and how long; `fairtrace access what` shows yours.',
  },
  GRANT_APPROVAL_INVALID: {
    status: 403,
    exit: 5,
    advice: 'Approve with the passkey that the charter names for you, on the portal’s own page, for this very grant.',
  },
  GRANT_INVALID: {
    status: 403,
    exit: 5,
    advice: 'A grant needs two approvals by different people in different roles, and must not be over.',
  },
  GRANT_NOT_WAITING: {
    status: 409,
    exit: 5,
    advice: 'Look at where the grant stands now; what is over is asked for anew.',
  },
  SELF_APPROVAL: {
    status: 403,
    exit: 5,
    advice: 'Ask another approver of your role; the charter names them.',
  },
  KEEPER_MISSING: {
    status: 409,
    exit: 5,
    advice:
      'Set up a keeper with another custodian and name its address and key in keeper.json; nothing is held until then.',
  },
  KEEPER_SETTINGS_INVALID: {
    status: 503,
    exit: 18,
    advice: 'Correct keeper.json in the data directory as `docs/operations.md` describes it, and start again.',
  },
  KEEPER_UNREACHABLE: {
    status: 503,
    exit: 6,
    advice: 'Ask the custodian whether the keeper runs; nothing opens meanwhile, and nothing is lost.',
  },
  KEEPER_UNTRUSTED: {
    status: 503,
    exit: 4,
    advice: 'Who answers is not the keeper of the charter, or it lies; tell the custodian. Nothing was opened.',
  },
  KEEPER_REQUEST_INVALID: {
    status: 401,
    exit: 5,
    advice: 'The keeper takes each request once, within a minute, signed by the vault of its charter.',
  },
  KEEPER_REFUSED: {
    status: 403,
    exit: 5,
    advice: 'The keeper checked for itself and gave nothing; the reason says what did not hold.',
  },
  KEEPER_CLOCK_BACK: {
    status: 503,
    exit: 6,
    advice:
      'Set the clock of the machine on which the keeper runs; it saw a later time before, and opens nothing until then.',
  },
  STATE_ROLLED_BACK: {
    status: 503,
    exit: 5,
    advice:
      'A backup older than what the keeper has seen is in place. Read docs/operations.md, "After a backup came back".',
  },
  PROGRAMME_LOCKED: {
    status: 423,
    exit: 5,
    advice:
      'Nothing is captured and no grant opens while the programme is locked; seeing your own data, pausing and withdrawing go on.',
  },
  EXPOSURE_PROBED: {
    status: 409,
    exit: 4,
    advice:
      'Mend what is exposed; what found it closes it after two clean looks. Only a false alarm is closed by hand.',
  },
  WATCH_SILENT: {
    status: 503,
    exit: 6,
    advice: 'No lease is given and nothing opens while the sentinel or the scanner is silent; start it again.',
  },
  LEDGER_UNAVAILABLE: { status: 503, exit: 6, advice: 'Nothing opens without the ledger; start it and try again.' },
  LEDGER_INVALID: {
    status: 500,
    exit: 4,
    advice: 'The log does not verify; keep a copy of it and tell the witnesses.',
  },
  LEDGER_MISBEHAVED: {
    status: 409,
    exit: 4,
    advice:
      'Keep the evidence file and hand it to the other witnesses; `fairtrace verify` shows to anybody what it proves.',
  },
  POLICY_INVALID: { status: 400, exit: 3, advice: 'Correct the line named; `docs/formats.md` describes policies.' },
  // Assurance
  DRILL_FAILED: {
    status: 409,
    exit: 7,
    advice:
      'A safeguard did not hold, or a step of the story did not come; look at `fairtrace assurance show` and the incident.',
  },
  DRILL_REFUSED: {
    status: 409,
    exit: 5,
    advice:
      'Wait for the drill that is open, or clear what it left with `fairtrace drill clean`; a nonce is good once.',
  },
  // Release
  RELEASE_EMPTY: {
    status: 409,
    exit: 5,
    advice: 'Nothing in scope may be released; wait for more participants or widen the scope.',
  },
  RISK_GATE_CLOSED: {
    status: 409,
    exit: 5,
    advice:
      'Nothing was published. The report says which attacker found how much: use more people, shorter segments or a smaller share, or release less.',
  },
  RELEASE_NOT_FOUND: { status: 404, exit: 3, advice: 'Run `fairtrace release show` to list the releases.' },
  RELEASE_CLOSED: {
    status: 410,
    exit: 5,
    advice: 'Somebody withdrew, or its time is over: use a later release. Nothing opens this one any more.',
  },
  ROOM_UNAVAILABLE: {
    status: 503,
    exit: 5,
    advice: 'The room runs nothing without its sandbox; see "What the room needs" in docs/training-room.md.',
  },
  ROOM_STOPPED: {
    status: 409,
    exit: 5,
    advice: 'The grant ended, the release was closed or the programme paused; what the program wrote is gone.',
  },
  ROOM_LIMIT: {
    status: 413,
    exit: 5,
    advice: 'Ask for no more than `training` in the charter allows, and keep the program within what was asked for.',
  },
  ROOM_PROGRAM_FAILED: {
    status: 422,
    exit: 3,
    advice: 'The program ended with an error; its last lines are part of the output, which data protection reviews.',
  },
  ROOM_OUTPUT_REFUSED: {
    status: 422,
    exit: 5,
    advice: 'Write plain files as the output schema declares them, and no more than its quota; nothing was kept.',
  },
  ROOM_NOT_REVIEWED: {
    status: 409,
    exit: 5,
    advice: 'Data protection reviews an output before anybody else sees it.',
  },
  ROOM_BUDGET_SPENT: {
    status: 409,
    exit: 5,
    advice: 'Train with a smaller --epsilon, or without one: then the weights keep the audience of the release.',
  },
  RELEASE_TOO_SOON: {
    status: 409,
    exit: 5,
    advice: 'Wait for the time that the charter sets between two releases.',
  },
  RELEASE_DIFFERS_TOO_LITTLE: {
    status: 409,
    exit: 5,
    advice: 'Wait until more people have come or left: two releases must not subtract to a few.',
  },
  RELEASE_EXISTS: { status: 409, exit: 5, advice: 'A release never changes; choose another name.' },
  RELEASE_EXPORT_REFUSED: {
    status: 403,
    exit: 5,
    advice: 'The charter does not allow exports; allowing them is a widening that needs fresh consent.',
  },
  RELEASE_SHARD_MISMATCH: {
    status: 500,
    exit: 4,
    advice: 'The shard is not the one in the manifest; fetch the release again.',
  },
  BROWSER_UNAVAILABLE: {
    status: 503,
    exit: 6,
    advice: 'Install Chromium or Chrome, or name one with --browser; without a screen add --headless.',
  },
  CATALOGUE_EMPTY: {
    status: 404,
    exit: 5,
    advice: 'Check the address or the name, open the app with an empty account, and visit the pages that people use.',
  },
  SIGNATURE_INVALID: {
    status: 400,
    exit: 4,
    advice: 'The document is not what was signed; ask its issuer for the original.',
  },
  VERIFY_UNKNOWN_KIND: {
    status: 400,
    exit: 3,
    advice: 'Give a release folder, a receipt, a ledger folder, a proof, a grant, evidence or a policy.',
  },
  // Starting
  DATA_IN_USE: {
    status: 503,
    exit: 10,
    advice: 'Another Fairtrace runs on this data directory; stop it or choose another with --data.',
  },
  PORT_IN_USE: { status: 503, exit: 11, advice: 'Choose another port with --port.' },
  DISK_FULL: {
    status: 507,
    exit: 12,
    advice: 'Free some space on the disk of the data directory and start again; nothing acknowledged was lost.',
  },
  DATABASE_FAILED: { status: 503, exit: 13, advice: 'Read the database log in the data directory.' },
  DATA_DIR_UNUSABLE: { status: 503, exit: 14, advice: 'Choose a data directory that you own with --data.' },
  DATA_NEWER: { status: 503, exit: 15, advice: 'Install the version that wrote this data directory, or a newer one.' },
  CLOCK_NOT_DEMONSTRATION: {
    status: 403,
    exit: 16,
    advice: 'Only a data directory created as a demonstration has a clock that can be moved.',
  },
  ROLE_FAILED: { status: 503, exit: 17, advice: 'Read the log of the role in the data directory.' },
  SIGN_IN_SETTINGS_INVALID: {
    status: 503,
    exit: 18,
    advice: 'Correct sign-in.json in the data directory as `docs/operations.md` describes it, and start again.',
  },
  WEBHOOK_SETTINGS_INVALID: {
    status: 503,
    exit: 18,
    advice: 'Correct webhooks.json in the data directory as `docs/operations.md` describes it, and start again.',
  },
  NOT_FOUND: { status: 404, exit: 3, advice: 'Check the address.' },
  BODY_INVALID: { status: 400, exit: 3, advice: 'Correct the fields named and send again.' },
  INTERNAL: {
    status: 500,
    exit: 1,
    advice: 'This is a defect; report the code and what you did, without any captured content.',
  },
} as const satisfies Record<string, { status: number; exit: number; advice: string }>

export type ErrorCode = keyof typeof ERRORS

/** A broken rule, under a closed code. The message says which one, with ids and sizes only. */
export class FairtraceError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'FairtraceError'
    this.code = code
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get exitCode(): number {
    return ERRORS[this.code].exit
  }

  get advice(): string {
    return ERRORS[this.code].advice
  }
}

export function isFairtraceError(error: unknown): error is FairtraceError {
  return error instanceof FairtraceError
}
