/** The tables of `schema.ts` as Kysely types. `bigint` columns arrive as numbers (see `database.ts`). */
import type { Severity } from '@fairtrace/core'
import type { ColumnType, Generated } from 'kysely'

type Json<T> = ColumnType<T, string, string>
type Defaulted<T> = ColumnType<T, T | undefined, T>

export type ProgrammeState = 'draft' | 'approved' | 'running' | 'paused' | 'closed' | 'locked'

export type RunState = 'requested' | 'running' | 'in-review' | 'approved' | 'refused' | 'failed' | 'stopped'

export interface Tables {
  'install.installation': { only_one: Generated<boolean>; kind: 'demonstration' | 'production'; schema_version: number }
  'install.programme': { id: string; state: ProgrammeState; epoch: number; charter_hash: string; charter_yaml: string }
  'install.charters': {
    hash: string
    programme: string
    version: number
    yaml: string
    derived: Defaulted<boolean>
  }
  'install.exposures': {
    id: Generated<string>
    found_at_ms: number
    kind: string
    severity: Defaulted<Severity>
    subject: string
    detail: Json<unknown>
    state: Defaulted<'open' | 'contained' | 'closed' | 'false-alarm'>
    found_by: Generated<string>
    finder: Generated<string>
    scope: Generated<string>
    misses: Generated<number>
    probe_at: Date | null
    hold_s: Generated<number>
    reopened: Generated<number>
    asks: Generated<boolean>
    contained_at_ms: number | null
    closed_at_ms: number | null
    verdict: Json<unknown> | null
    drill: Generated<string | null>
  }
  'install.points': {
    point: string
    role: string
    build: string
    started_at_ms: number
    body: string
    signature: string
    seen_at: Generated<Date>
    left_at: Date | null
    owner: Generated<string>
  }
  'install.lockdowns': {
    number: Generated<number>
    epoch: number
    at_ms: number
    by: string
    reason: string
    exposure: string | null
    drill: string | null
    state_before: ProgrammeState
    epoch_before: number
    points: Json<readonly { readonly point: string; readonly role: string; readonly quietMs: number }[]>
    ended: Json<unknown> | null
    ended_at_ms: number | null
  }
  'install.acknowledgements': {
    epoch: number
    point: string
    role: string
    body: string
    signature: string
    at: Generated<Date>
    owner: Generated<string>
  }
  'gate.statements': {
    hash: string
    statement: Json<unknown>
    drawn_at_ms: number
    signatures: ColumnType<unknown, string | undefined, string>
  }
  'gate.openings': {
    epoch: number
    at_ms: number
    kind: 'quorum' | 'drill' | 'demonstration'
    type: string
    detail: Json<unknown>
    salt: string
    ledger_index: number
    ended_at_ms: number | null
    ended_reason: string | null
  }
  'incident.incidents': {
    id: string
    epoch: number
    opened_at_ms: number
    rehearsal: boolean
    ledger_index: number | null
    salt: string | null
    cause: Json<unknown> | null
    approved_by: string | null
    notified_at_ms: number | null
  }
  'incident.notices': { incident: string; pseudonym: string; text: string; sent_at_ms: number | null }
  'access.grants': {
    id: string
    hash: string
    document: Json<unknown>
    account: string
    requested_at_ms: number
    approvals: ColumnType<unknown, string | undefined, string>
    refusal: Json<unknown> | null
    ended: Json<unknown> | null
  }
  'access.people': {
    account: string
    name: string
    groups: ColumnType<readonly string[], string, string>
    seen_on: ColumnType<Date, string, string>
  }
  'access.deliveries': {
    id: string
    event: string
    body: Json<unknown>
    url: string
    tries: Defaulted<number>
    due_at_ms: number
  }
  'install.charter_signatures': { hash: string; signatures: unknown; proposed_at_ms: number }
  'consent.charter_changes': {
    hash: string
    yaml: string
    proposed_at_ms: number
    signatures: ColumnType<unknown, string | undefined, string>
    takes_effect_at_ms: number | null
    named_by: string
    state: Defaulted<'proposed' | 'waiting' | 'in-force' | 'rejected'>
  }
  'consent.passkeys': {
    credential_id: string
    owner: string
    public_key: Buffer
    counter: number
    usable_from_ms: number
  }
  'consent.concerns': {
    id: string
    round: string
    slot: number
    raise_token_hash: string
    raised_on: ColumnType<Date, string, never>
    text: string
    state: Defaulted<'open' | 'in-review' | 'answered'>
    review_due_at_ms: number | null
    pause: 'due' | 'forced' | null
    logged: Json<unknown>
    answer: string | null
  }
  'consent.concern_token_sets': { pseudonym: string; round: string; blinded_hash: string }
  'consent.concern_supports': { concern: string; token_hash: string }
  'consent.invitations': { code_hash: string; used: Defaulted<boolean> }
  'consent.people': { pseudonym: string; session_hash: string; invited_at_ms: number; notice_version: number }
  'consent.events': { pseudonym: string; version: number; at_ms: number; event: Json<unknown> }
  'consent.devices': {
    device: string
    pseudonym: string
    public_key: string
    build: string
    cut_off: Defaulted<boolean>
  }
  'consent.device_codes': { code_hash: string; pseudonym: string; ends_at_ms: number }
  'consent.handle_key': { only_one: Generated<boolean>; key: string }
  'inbox.batches': { id: string; position: Generated<number>; vault_key_id: string; sealed: Buffer }
  'inbox.held': { id: string; vault_key_id: string; sealed: Buffer }
  'vault.day_keys': {
    key_id: string
    public_key: Buffer
    opens_at_ms: number
    closes_at_ms: number
    signature: string
    destroyed: Defaulted<boolean>
  }
  'vault.key_requests': { pseudonym: string; version: Defaulted<number> }
  'vault.erasure_requests': { pseudonym: string; version: number }
  'vault.participant_keys': {
    pseudonym: string
    generation: number
    public_key: Buffer
    keeper_public_key: Buffer
    keeper_signature: string
  }
  'vault.keeper_erasures': { pseudonym: string; generation: number }
  'vault.content_keys': {
    id: string
    pseudonym: string
    generation: number
    enc: Buffer
    sealed: Buffer
    period: string
  }
  'vault.erased': { pseudonym: string; generation: number }
  'vault.dead_content_keys': { id: string }
  'vault.segments': {
    id: string
    number: number
    bytes: number
    sha256: string
    chunks: number
    live_bytes: number
    digest: Buffer
    mac: Buffer
  }
  'vault.chunks': {
    batch_id: string
    segment_id: string
    at_offset: number
    length: number
    content_key_id: string
    pseudonym: string
    device: string
    sequence: number
    recording: string
    part: number
    last: boolean
    task: string | null
    outcome: 'done' | 'not-done' | null
    charter_hash: string
    consent_version: number
    actions: number
  }
  'vault.quarantine': { batch_id: string; code: string; sealed: Buffer }
  'vault.checks': {
    id: string
    bytes_per_second: number
    state: Defaulted<'requested' | 'running' | 'done' | 'failed'>
    cursor: Defaulted<string>
    done: Defaulted<number>
    total: Defaulted<number>
    findings: ColumnType<unknown, string | undefined, string>
    code: string | null
  }
  'vault.activations': {
    grant_hash: string
    request: Json<unknown>
    state: Defaulted<'requested' | 'active' | 'refused' | 'ended'>
    code: string | null
    activation: Json<unknown> | null
    ledger_index: number | null
  }
  'vault.grant_ends': { grant_hash: string; is_told: Defaulted<boolean> }
  'vault.passkey_enrolments': {
    id: string
    request: Json<unknown>
    state: Defaulted<'requested' | 'done' | 'refused'>
    code: string | null
    usable_from_ms: number | null
  }
  'vault.own_openings': {
    id: string
    request: Json<unknown>
    state: Defaulted<'requested' | 'opened' | 'refused'>
    code: string | null
    ledger_index: number | null
    answer: Json<unknown> | null
  }
  'vault.openings': {
    id: string
    request: Json<unknown>
    state: Defaulted<'requested' | 'opened' | 'refused'>
    code: string | null
    ledger_index: number | null
    answer: Json<unknown> | null
  }
  'vault.release_closings': {
    release: string
    id: string
    state: Defaulted<'asked' | 'destroyed' | 'closed'>
    ledger_index: number | null
    salt: string | null
    detail: Json<unknown> | null
  }
  'room.runs': {
    id: string
    release: string
    grant_hash: string
    account: string
    request: Json<unknown>
    requested_at_ms: number
    state: Defaulted<RunState>
    code: string | null
    message: string | null
    started_index: number | null
    ended_index: number | null
    output: Json<unknown> | null
    review: Json<unknown> | null
  }
  'room.readings': {
    id: string
    run: string
    purpose: 'review' | 'output'
    recipient_key: string
    state: Defaulted<'requested' | 'answered' | 'refused'>
    code: string | null
    answer: Json<unknown> | null
  }
  'room.models': {
    id: string
    run: string
    release: string
    registered_at_ms: number
    card: Json<unknown>
    state: Defaulted<'current' | 'to-retrain' | 'retrained' | 'retired'>
    successor: Defaulted<string | null>
    ledger_index: Defaulted<number | null>
    salt: Defaulted<string | null>
    detail: Defaulted<Json<unknown> | null>
  }
  'room.budget': { run: string; epsilon: number; delta: number }
  'ledger.inbox': { id: Generated<number>; source: Generated<string>; entry: string }
  'ledger.entries': { idx: number; inbox_id: number; entry: string }
  'ledger.tiles': { level: number; idx: number; width: number; data: Buffer }
  'ledger.checkpoints': { size: number; note: string; published: string | null }
  'assurance.drills': {
    id: string
    drill: string
    safeguard: string
    nonce: string | null
    starter: string | null
    signature: string | null
    started_by: string
    expected: Json<unknown>
    state_before: ProgrammeState
    epoch_before: number
    ledger_index: number
    salt: string
    registered_at_ms: number
    planted_at_ms: number | null
    removed_at_ms: number | null
    ends_at_ms: number
    state: Defaulted<'open' | 'passed' | 'failed' | 'abandoned'>
  }
  'assurance.evidence': { digest: string; run: string; safeguard: string; ended_at_ms: number; jws: string }
  'release.jobs': {
    id: string
    request: Json<unknown>
    state: Defaulted<'requested' | 'running' | 'done' | 'failed'>
    progress: Defaulted<number>
    code: string | null
    message: string | null
    release_id: string | null
  }
  'release.releases': {
    id: string
    name: string
    directory: string
    created_at_ms: number
    manifest: Json<unknown>
    ledger_index: number
  }
}
