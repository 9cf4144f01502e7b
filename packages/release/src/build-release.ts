/**
 * Builds a release: recordings in scope go in one after the other, a finished folder comes out, or nothing.
 *
 * Three passes. The first cuts and draws segments and counts who did what; then the contribution cap decides; the second counts
 * what the cap left for k-anonymity and shuffles it; the third takes what too few people used out, names each segment anew, and
 * writes every format at once, encrypted. Actions wait in files, so that memory holds a few numbers of each at most.
 */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  type CandidateSegment,
  type Charter,
  charterHash,
  checkConformance,
  FairtraceError,
  RELEASE_TYP,
  type ReleaseId,
  type ReleaseManifest,
  SHIELD_VERSION,
  shieldSettings,
} from '@fairtrace/core'
import { candidateNumbers, candidateSegments, drawnSegments } from './candidates.ts'
import type { CapFacts } from './cap-facts.ts'
import { type Capped, CapSample, typeName } from './cap-sample.ts'
import { FIELDS, KINDS, Shortcuts } from './coded-action.ts'
import { type CardFacts, type ConsentCount, croissantCard } from './croissant.ts'
import { dataSheet } from './data-sheet.ts'
import { createEpisodes, type EpisodeDrops, type RecordedPart } from './episodes.ts'
import { KAnonymity } from './k-anonymity.ts'
import { lineage } from './lineage.ts'
import { BUILDER_VERSION, countsFrom, manifestBytes, peopleShown, type ReleaseCounts, releaseId } from './manifest.ts'
import { ParquetWriter, type SegmentName } from './parquet.ts'
import { type Random, randomStream } from './random.ts'
import { diskError, ReleaseFiles } from './release-files.ts'
import { Sample } from './sample.ts'
import { SegmentLog } from './segment-log.ts'
import { Spill } from './spill.ts'
import { TrajectoryWriter } from './trajectories.ts'
import { ABSENT, type Vocabulary, vocabularyOf } from './vocabulary.ts'

export interface ReleaseRequest {
  /** Where the release will be; must not exist. Made beside it, under a name that begins with `STAGING_PREFIX`. */
  readonly directory: string
  readonly name: string
  readonly charter: Charter
  readonly charterYaml: string
  /** Name of the draw, published. */
  readonly seed: string
  /** 32 secret bytes from which chance is derived: the same ones for the same seed make the same release. */
  readonly secret: Uint8Array
  /** The grant that the release is made under: the same draw for another one has other names, so that copies can't be joined by them. */
  readonly recipient: string
  /** 32 random bytes under which the shards are encrypted; whoever gives them keeps them, or nobody can. */
  readonly key: Uint8Array
  readonly publishedAtMs: number
  /** Ordered by person. */
  readonly parts: AsyncIterable<RecordedPart> | Iterable<RecordedPart>
  /** The builder's signature: a compact JWS. */
  readonly sign: (typ: string, payload: unknown) => string
  /** Raw Ed25519 public key of the builder, base64url. */
  readonly builder: string
  /** Ids of the releases that this one follows, and what they hold. */
  readonly previous?: readonly string[]
  readonly earlier?: EarlierReleases
  /** How many people consented to what, once everything was read; counts below k are not among them. */
  readonly consents?: () => readonly ConsentCount[]
  /** Judges the candidate before anything of it is signed. Throws to keep it from being published. */
  readonly assess?: (candidate: ReleaseCandidate) => Promise<ReleaseAssessment>
  readonly rowsPerShard?: number
  readonly spillBytesInMemory?: number
}

export interface EarlierReleases {
  /** A person's name in the records of releases: a keyed digest that only the builder can make. */
  digestOf(person: string): string
  /** A type's name there. */
  typeDigestOf(type: string): string
  /** By type, how often each person (by digest) has it in earlier releases. */
  readonly contributions: ReadonlyMap<string, ReadonlyMap<string, number>>
}

export interface ReleaseCandidate {
  /** In another order than the release, with whose each is; as often as needed. */
  candidates(): Iterable<CandidateSegment>
  /** What was drawn, before k-anonymity and cap, with the same numbers of people and recordings. */
  drawn(): Iterable<CandidateSegment>
}

export interface ReleaseAssessment {
  /** As it stands in card and data sheet. */
  readonly gate: string
  /** The report and its pictures; nothing in them is data. */
  readonly documents: readonly { readonly path: string; readonly bytes: Uint8Array }[]
}

/** Who is in a release, for the builder's own records. */
interface PeopleInRelease {
  digestOf(person: string): string
  typeDigestOf(type: string): string
  readonly digests: Set<string>
  /** By digest, then by type. */
  readonly contributions: Map<string, Map<string, number>>
}

export interface StagedRelease {
  readonly id: ReleaseId
  readonly manifest: ReleaseManifest
  /** Digests of the people in it, and how often each has which type. */
  readonly people: ReadonlySet<string>
  readonly contributions: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Adds the ledger's proof, then makes the folder a release in one step. */
  publish(ledgerProof: Uint8Array | null): Promise<void>
  discard(): Promise<void>
}

export const STAGING_PREFIX = '.building-'
export const ROWS_PER_SHARD = 100_000

/**
 * Makes everything but the last step, so that the ledger can be told of the release before it exists.
 *
 * On any failure the folder is removed and the error goes on.
 * @throws `RELEASE_EMPTY` if fewer than k people would be in it, `SEGMENT_CORRUPT`, `DISK_FULL`
 */
export async function stageRelease(request: ReleaseRequest): Promise<StagedRelease> {
  const parent = dirname(request.directory)
  await mkdir(parent, { recursive: true, mode: 0o700 })
  const files = await ReleaseFiles.create(
    join(parent, `${STAGING_PREFIX}${randomBytes(9).toString('base64url')}`),
    request.key,
  )
  const people: PeopleInRelease = {
    digestOf: request.earlier?.digestOf ?? ((person) => person),
    typeDigestOf: request.earlier?.typeDigestOf ?? ((type) => type),
    digests: new Set(),
    contributions: new Map(),
  }
  try {
    const manifest = await build(request, files, people)
    const bytes = manifestBytes(manifest)
    const id = releaseId(bytes)
    await files.writeUnlisted('manifest.json', bytes)
    await files.writeUnlisted('manifest.jws', Buffer.from(request.sign(RELEASE_TYP, { manifest: id })))
    await files.writeUnlisted('charter.yaml', Buffer.from(request.charterYaml))
    return {
      id,
      manifest,
      people: people.digests,
      contributions: people.contributions,
      async publish(ledgerProof) {
        try {
          if (ledgerProof !== null) await files.writeUnlisted('ledger.tlog-proof', ledgerProof)
          await files.publish(request.directory, request.publishedAtMs)
        } catch (error) {
          await files.discard()
          throw diskError(error)
        }
      },
      discard: () => files.discard(),
    }
  } catch (error) {
    await files.discard()
    throw diskError(error)
  }
}

async function build(request: ReleaseRequest, files: ReleaseFiles, people: PeopleInRelease): Promise<ReleaseManifest> {
  const { charter, secret } = request
  const rules = charter.release
  const rowsPerShard = request.rowsPerShard ?? ROWS_PER_SHARD
  const vocabulary = vocabularyOf(charter)
  const shortcuts = new Shortcuts()
  const workFolder = dirname(await files.pathOf('work'))
  const sample = await takeSample(request, vocabulary, shortcuts, workFolder)
  const spill = new Spill(workFolder, randomStream(secret, 'shuffle'), request.spillBytesInMemory)
  try {
    const nameOf = (codes: readonly number[]) => typeName(codes, vocabulary.apps, shortcuts.names)
    const capped = capSample(sample, request, nameOf, people)
    const { anonymity, pieces } = spread(sample, capped, spill, rules.k, vocabulary)
    const peopleLeft = anonymity.peopleLeft()
    if (peopleLeft < rules.k) {
      throw new FairtraceError(
        'RELEASE_EMPTY',
        `fewer than ${rules.k} people share an app and ways of working in scope`,
      )
    }
    const random = randomStream(secret, 'names', request.recipient)
    const order = new Int32Array(pieces).fill(ABSENT)
    const written = await write(files, vocabulary, shortcuts, anonymity, spill, random, rowsPerShard, order)
    const numbers = candidateNumbers(sample.people.length, secret)
    const candidate = { sample, capped, anonymity, vocabulary, shortcuts: shortcuts.names, order, numbers }
    const assessment = await request.assess?.({
      candidates: () => candidateSegments(candidate),
      drawn: () => drawnSegments(candidate),
    })
    for (const { path, bytes } of assessment?.documents ?? []) await files.writeDocument(path, bytes)
    for (const person of sample.peopleIn(capped, anonymity)) people.digests.add(people.digestOf(person))
    recordContributions(sample, capped, nameOf, people)
    const cap: CapFacts = {
      shareMax: rules.shareMax,
      typeActions: rules.typeActions,
      bound: Math.ceil(1e4 * capped.bound) / 1e4,
      kept: capped.offered === 0 ? 0 : Math.floor(1e3 * (capped.kept / capped.offered)) / 1e3,
    }
    return await describe(request, files, countsOf(rules.k, peopleLeft, written, sample.drops, capped), cap, {
      gate: assessment?.gate ?? null,
      rowsPerShard,
    })
  } finally {
    spill.close()
    sample.log.close()
  }
}

async function describe(
  request: ReleaseRequest,
  files: ReleaseFiles,
  counts: ReleaseCounts,
  cap: CapFacts,
  { gate, rowsPerShard }: { readonly gate: string | null; readonly rowsPerShard: number },
): Promise<ReleaseManifest> {
  const { charter, name } = request
  const rules = charter.release
  const facts: CardFacts = {
    charter,
    charterHash: charterHash(charter),
    name,
    publishedAtMs: request.publishedAtMs,
    builder: request.builder,
    counts,
    shards: files.shards,
    cap,
    gate,
    consents: request.consents?.() ?? [],
    previous: request.previous ?? [],
  }
  const json = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
  await files.writeDocument('croissant.json', json(croissantCard(facts)))
  await files.writeDocument('lineage.json', json(lineage(facts)))
  await files.writeDocument('README.md', Buffer.from(dataSheet(facts)))
  return {
    v: 2,
    programme: charter.programme,
    name,
    charter: facts.charterHash,
    charterVersion: charter.version,
    shield: SHIELD_VERSION,
    builder: BUILDER_VERSION,
    parameters: {
      seed: request.seed,
      k: rules.k,
      segmentActionsMax: rules.segmentActionsMax,
      segmentsPerPersonMax: rules.segmentsPerPersonMax,
      shareMax: rules.shareMax,
      typeActions: rules.typeActions,
      bound: cap.bound,
      keptByCap: cap.kept,
      gate: gate ?? 'not run',
      rowsPerShard,
    },
    counts,
    documents: [...files.documents],
    shards: [...files.shards],
    previous: [...facts.previous],
  }
}

/** First pass: segments are cut and drawn, and counted for k-anonymity and for the cap. */
async function takeSample(
  request: ReleaseRequest,
  vocabulary: Vocabulary,
  shortcuts: Shortcuts,
  folder: string,
): Promise<Sample> {
  const { charter, secret } = request
  const { k, shareMax, typeActions } = charter.release
  const settings = shieldSettings(charter)
  const sample = new Sample(new SegmentLog(folder), new CapSample({ shareMax, typeActions, k }))
  const apps = new KAnonymity(vocabulary, k)
  const episodes = createEpisodes(
    vocabulary,
    charter.release,
    secret,
    shortcuts,
    (segment, person, origin) => {
      apps.count(segment, person)
      sample.add(segment, person, origin)
    },
    (action) => checkConformance(action, settings) === null,
  )
  try {
    for await (const part of request.parts) {
      if (part.person !== sample.people.at(-1)) sample.people.push(part.person)
      episodes.push(part)
    }
    episodes.end()
  } catch (error) {
    sample.log.close()
    throw error
  }
  sample.drops = episodes.drops
  sample.keepsApp = (app) => apps.keepsApp(app)
  if (apps.peopleLeft() >= k) return sample
  sample.log.close()
  throw new FairtraceError('RELEASE_EMPTY', `fewer than ${k} people share an app in scope`)
}

function capSample(
  sample: Sample,
  request: ReleaseRequest,
  nameOf: (codes: readonly number[]) => string,
  people: PeopleInRelease,
): Capped {
  const numbers = new Map(sample.people.map((person, i) => [people.digestOf(person), i]))
  const numberOf = (digest: string) => {
    const known = numbers.get(digest) ?? -numbers.size - 1
    numbers.set(digest, known)
    return known
  }
  const byType = new Map(
    [...(request.earlier?.contributions ?? [])].map(([type, own]) => [
      type,
      new Map([...own].map(([digest, count]) => [numberOf(digest), count])),
    ]),
  )
  const nobody = new Map<number, number>()
  return sample.cap.decide(
    (segment) => sample.keepsApp(sample.appOf(segment)),
    (codes) => (byType.size === 0 ? nobody : (byType.get(people.typeDigestOf(nameOf(codes))) ?? nobody)),
  )
}

/** Who has what, for the builder's records. A digest of a person and of a type is made once. */
function recordContributions(
  sample: Sample,
  capped: Capped,
  nameOf: (codes: readonly number[]) => string,
  people: PeopleInRelease,
): void {
  const digests = sample.people.map((person) => people.digestOf(person))
  const types: string[] = []
  for (const { person, type, count } of capped.contributions()) {
    const digest = digests[person] ?? ''
    const own = people.contributions.get(digest) ?? new Map<string, number>()
    types[type] ??= people.typeDigestOf(nameOf(capped.codesOf(type)))
    const name = types[type]
    own.set(name, (own.get(name) ?? 0) + count)
    people.contributions.set(digest, own)
  }
}

/** Second pass: pieces that the cap left are counted once more, since only what is released counts, and shuffled. */
function spread(sample: Sample, capped: Capped, spill: Spill, k: number, vocabulary: Vocabulary) {
  const anonymity = new KAnonymity(vocabulary, k)
  let pieces = 0
  for (const { piece, segment } of sample.pieces(capped)) {
    anonymity.count(piece, sample.personOf(segment))
    spill.add(piece)
    pieces++
  }
  return { anonymity, pieces }
}

interface Written {
  segments: number
  actions: number
  trajectories: number
  images: number
  readonly byKind: Record<string, number>
  readonly byApp: Record<string, number>
  readonly unsayable: Record<string, number>
  appsBelowK: number
  labelsBelowK: number
  tasksBelowK: number
}

async function write(
  files: ReleaseFiles,
  vocabulary: Vocabulary,
  shortcuts: Shortcuts,
  anonymity: KAnonymity,
  spill: Spill,
  random: Random,
  rowsPerShard: number,
  order: Int32Array,
): Promise<Written> {
  const written: Written = {
    segments: 0,
    actions: 0,
    trajectories: 0,
    images: 0,
    byKind: {},
    byApp: {},
    unsayable: {},
    appsBelowK: 0,
    labelsBelowK: 0,
    tasksBelowK: 0,
  }
  const kinds = new Float64Array(KINDS.length)
  const trajectories = new TrajectoryWriter(files, rowsPerShard)
  const parquet = await ParquetWriter.open(files, vocabulary, shortcuts.names, rowsPerShard)
  try {
    for (const segment of spill.drain()) {
      const steps = segment.actions.length / FIELDS
      if (!anonymity.keepsApp(segment.app)) {
        written.appsBelowK += steps
        continue
      }
      order[segment.number] = written.segments
      written.labelsBelowK += anonymity.removeRareLabels(segment)
      const task = anonymity.taskOf(segment)
      if (task !== segment.task) written.tasksBelowK++
      const end = anonymity.endOf(segment)
      const name = drawName(random)
      await parquet.write(name, task, end, segment)
      const named = task === ABSENT ? undefined : vocabulary.tasks[task]
      if (named !== undefined) await trajectories.write(nameText(name), named, { ...segment, end }, shortcuts.names)
      for (let at = 0; at < segment.actions.length; at += FIELDS) {
        const kind = segment.actions[at] ?? 0
        kinds[kind] = (kinds[kind] ?? 0) + 1
      }
      const app = vocabulary.apps[segment.app] || 'unnamed'
      written.byApp[app] = (written.byApp[app] ?? 0) + steps
      written.segments++
      written.actions += steps
    }
    await trajectories.end()
    await parquet.end()
  } finally {
    await trajectories.close()
    await parquet.close()
  }
  written.trajectories = trajectories.segments
  written.images = trajectories.images
  Object.assign(written.unsayable, trajectories.left)
  for (const [i, kind] of KINDS.entries()) written.byKind[kind] = kinds[i] ?? 0
  return written
}

function drawName(random: Random): SegmentName {
  const half = () => (BigInt(random.word()) << 32n) | BigInt(random.word() >>> 0)
  return { hi: half(), lo: half() }
}

/** 32 hexadecimal digits, as the Parquet files write them. */
function nameText({ hi, lo }: SegmentName): string {
  return [hi, lo].map((half) => BigInt.asUintN(64, half).toString(16).padStart(16, '0')).join('')
}

function countsOf(k: number, people: number, written: Written, drops: EpisodeDrops, cap: Capped): ReleaseCounts {
  const { segments, actions, trajectories, images, appsBelowK, labelsBelowK, tasksBelowK } = written
  return {
    ...countsFrom(k, { people: peopleShown(k, people), segments, actions, trajectories, images, types: cap.types }),
    byKind: countsFrom(k, written.byKind),
    byApp: countsFrom(k, written.byApp),
    notSayable: countsFrom(k, written.unsayable),
    dropped: countsFrom(k, { ...drops, appsBelowK, labelsBelowK, tasksBelowK, overShare: cap.offered - cap.kept }),
  }
}
