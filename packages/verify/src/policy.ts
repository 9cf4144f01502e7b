/**
 * Trust policies as C2SP tlog-policy writes them: which logs count, which witnesses, and how many of them.
 *
 * ```
 * log fairtrace/orders+1c2d3e4f+AbCd… https://portal.example/ledger
 * witness union.example/witness union.example/witness+0a1b2c3d+BAbC… https://union.example/witness
 * witness auditor.example auditor.example+4d5e6f70+BDef…
 * group witnesses 1 union.example/witness auditor.example
 * quorum witnesses
 * ```
 */
import { type Charter, FairtraceError, ledgerOrigin } from '@fairtrace/core'
import { parseCheckpointText, type VerifiedCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import { type Cosignature, cosignaturesOf } from './cosignature.ts'
import { openNote, requireLogSignature } from './note.ts'
import {
  formatVerifierKey,
  isSameKey,
  LOG_KEY_TYPE,
  parseVerifierKey,
  publicKeyOf,
  type VerifierKey,
  verifierKey,
  WITNESS_KEY_TYPE,
} from './verifier-key.ts'

const LINES_MAX = 1_000
const GROUP = 'witnesses'

export interface TrustedKey {
  /** For witnesses, the name within the policy. */
  readonly name: string
  readonly key: VerifierKey
  readonly url: string | null
}

/** At least `threshold` of the members; each is a witness or another group, by its name. */
export interface WitnessGroup {
  readonly name: string
  readonly threshold: number
  readonly members: readonly string[]
}

export interface WitnessPolicy {
  readonly logs: readonly TrustedKey[]
  readonly witnesses: readonly TrustedKey[]
  readonly groups: readonly WitnessGroup[]
  /** Of a witness or a group; null if no cosignature is asked for. */
  readonly quorum: string | null
}

/** A checkpoint that satisfies a policy, with the cosignatures that count. */
export interface WitnessedCheckpoint extends VerifiedCheckpoint {
  readonly cosignatures: readonly Cosignature[]
}

/** How a checkpoint is judged: by the log's key alone, or by a policy. @throws `LEDGER_INVALID` if it doesn't hold */
export type CheckpointTrust = (note: string) => WitnessedCheckpoint

/**
 * @param key raw Ed25519 public key of the log, base64url
 * @param origin the log's expected name, or null for the one that the key signed
 */
export function trustLog(key: string, origin: string | null): CheckpointTrust {
  return (note) => ({ ...verifyCheckpoint(note, key, origin), cosignatures: [] })
}

/** One of the policy's logs has to have signed under its own name, and a quorum of the witnesses has to have cosigned. */
export function trustPolicy(policy: WitnessPolicy): CheckpointTrust {
  return (note) => {
    const opened = openNote(note)
    const checkpoint = parseCheckpointText(opened.text)
    const log = policy.logs.find(({ key }) => key.name === checkpoint.origin)
    if (log === undefined) throw invalid('the checkpoint is of no log of the policy')
    requireLogSignature(opened, log.key)
    const cosignatures = cosignaturesOf(
      opened,
      policy.witnesses.map(({ key }) => key),
    )
    if (!isSatisfied(policy, cosignatures)) {
      throw invalid(`the policy asks for more witnesses than the ${cosignatures.length} that cosigned this checkpoint`)
    }
    return { ...checkpoint, cosignatures }
  }
}

/** Whether these cosignatures, verified, make up the quorum. */
export function isSatisfied(policy: WitnessPolicy, cosignatures: readonly Cosignature[]): boolean {
  const cosigned = new Set(cosignatures.map(({ witness }) => witness))
  const groups = new Map(policy.groups.map((group) => [group.name, group]))
  const witnesses = new Map(policy.witnesses.map(({ name, key }) => [name, key.name]))
  // Members stand before their group, so that this ends.
  const counts = (name: string): boolean => {
    const group = groups.get(name)
    if (group === undefined) return cosigned.has(witnesses.get(name) ?? '')
    return group.members.filter(counts).length >= group.threshold
  }
  return policy.quorum === null || counts(policy.quorum)
}

/** What a charter asks for, as a policy. */
export function charterPolicy(charter: Pick<Charter, 'programme' | 'keys' | 'ledger'>): WitnessPolicy {
  const log = verifierKey(ledgerOrigin(charter.programme), LOG_KEY_TYPE, publicKeyOf(charter.keys.ledger))
  const witnesses = (charter.ledger?.witnesses ?? []).map(({ name, key, url }) => ({
    name,
    key: verifierKey(name, WITNESS_KEY_TYPE, publicKeyOf(key)),
    url: url ?? null,
  }))
  const members = witnesses.map(({ name }) => name)
  // A witness may have the group's name; any name that is free will do.
  const name = members.includes(GROUP) ? `${GROUP}-of-the-charter` : GROUP
  const isAsked = charter.ledger !== undefined
  return {
    logs: [{ name: log.name, key: log, url: null }],
    witnesses,
    groups: isAsked ? [{ name, threshold: charter.ledger.quorum, members }] : [],
    quorum: isAsked ? name : null,
  }
}

export function formatPolicy({ logs, witnesses, groups, quorum }: WitnessPolicy): string {
  const end = (url: string | null) => (url === null ? '' : ` ${url}`)
  return [
    ...logs.map(({ key, url }) => `log ${formatVerifierKey(key)}${end(url)}`),
    ...witnesses.map(({ name, key, url }) => `witness ${name} ${formatVerifierKey(key)}${end(url)}`),
    ...groups.map(({ name, threshold, members }) => `group ${name} ${threshold} ${members.join(' ')}`),
    `quorum ${quorum ?? 'none'}`,
    '',
  ].join('\n')
}

/** @throws `POLICY_INVALID`, naming the line */
export function parsePolicy(text: string): WitnessPolicy {
  const lines = text.split('\n')
  if (lines.length > LINES_MAX) throw wrong(LINES_MAX, 'too many lines')
  const reader = new PolicyReader()
  lines.forEach((line, i) => {
    // Control characters but tab and newline are refused, DEL among them.
    if ([...line].some((character) => (character < ' ' && character !== '\t') || character === '\x7f')) {
      throw wrong(i + 1, 'a control character')
    }
    const words = line.split(/[ \t]+/).filter((word) => word !== '')
    const [keyword, ...rest] = words
    if (keyword === undefined || keyword.startsWith('#')) return
    const problem = reader.read(keyword, rest)
    if (problem !== null) throw wrong(i + 1, problem)
  })
  return reader.finish()
}

class PolicyReader {
  readonly #logs: TrustedKey[] = []
  readonly #witnesses: TrustedKey[] = []
  readonly #groups: WitnessGroup[] = []
  readonly #used = new Set<string>()
  #quorum: string | undefined

  /** @returns what is wrong with the line, or null */
  read(keyword: string, words: readonly string[]): string | null {
    const [name = '', ...rest] = words
    if (keyword === 'log') return this.#log(name, rest)
    if (keyword === 'witness') return this.#witness(name, rest)
    if (keyword === 'group') return this.#group(name, rest)
    if (keyword === 'quorum') return this.#setQuorum(name, rest)
    return 'neither log, witness, group nor quorum'
  }

  finish(): WitnessPolicy {
    const quorum = this.#quorum
    if (quorum === undefined) throw new FairtraceError('POLICY_INVALID', 'there is no quorum line')
    return {
      logs: this.#logs,
      witnesses: this.#witnesses,
      groups: this.#groups,
      quorum: quorum === 'none' ? null : quorum,
    }
  }

  #log(vkey: string, [url, ...more]: readonly string[]): string | null {
    const key = keyOf(vkey)
    if (key?.type !== LOG_KEY_TYPE || more.length > 0) return 'no log'
    if (this.#logs.some((other) => isSameKey(other.key, key))) return 'a log twice'
    this.#logs.push({ name: key.name, key, url: url ?? null })
    return null
  }

  #witness(name: string, [vkey = '', url, ...more]: readonly string[]): string | null {
    const key = keyOf(vkey)
    if (key?.type !== WITNESS_KEY_TYPE || more.length > 0) return 'no witness'
    if (!this.#isFree(name)) return 'a name twice, or none'
    if (this.#witnesses.some((other) => isSameKey(other.key, key))) return 'a witness twice'
    this.#witnesses.push({ name, key, url: url ?? null })
    return null
  }

  #group(name: string, [count = '', ...members]: readonly string[]): string | null {
    if (!this.#isFree(name)) return 'a name twice, or none'
    if (members.length === 0 || !members.every((member) => this.#isKnown(member))) return 'a member that is unknown'
    // Each counts once, so that no witness stands for two.
    if (members.some((member) => this.#used.has(member)) || new Set(members).size < members.length)
      return 'a member twice'
    const written = /^[1-9]\d{0,2}$/.test(count) ? Number(count) : Number.NaN
    const threshold = count === 'all' ? members.length : count === 'any' ? 1 : written
    if (!(threshold <= members.length)) return 'a threshold that can’t be reached'
    for (const member of members) this.#used.add(member)
    this.#groups.push({ name, threshold, members })
    return null
  }

  #setQuorum(name: string, more: readonly string[]): string | null {
    if (this.#quorum !== undefined || more.length > 0) return 'more than one quorum'
    if (name !== 'none' && !this.#isKnown(name)) return 'a quorum of nobody'
    this.#quorum = name
    return null
  }

  #isKnown(name: string): boolean {
    return [...this.#witnesses, ...this.#groups].some((other) => other.name === name)
  }

  #isFree(name: string): boolean {
    return name !== '' && name !== 'none' && !this.#isKnown(name)
  }
}

function keyOf(vkey: string): VerifierKey | null {
  try {
    return parseVerifierKey(vkey)
  } catch {
    // Fails closed: the line is refused under its number.
    return null
  }
}

function wrong(line: number, what: string): FairtraceError {
  return new FairtraceError('POLICY_INVALID', `line ${line}: ${what}`)
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('LEDGER_INVALID', message)
}
