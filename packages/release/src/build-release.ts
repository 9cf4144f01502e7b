/**
 * Builds a release: recordings in scope go in one after the other, a finished folder comes out, or nothing.
 *
 * Two passes. The first cuts and samples segments, counts who used what, and holds the sample in a spill; the second takes what
 * too few people used out, names each segment anew, and writes every format at once. Memory doesn't grow with the recordings.
 */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
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
import { AgentNetWriter } from './agentnet.ts'
import { FIELDS, KINDS, Shortcuts } from './coded-action.ts'
import { type CardFacts, croissantCard } from './croissant.ts'
import { dataSheet } from './data-sheet.ts'
import { createEpisodes, type EpisodeDrops, type RecordedPart } from './episodes.ts'
import { KAnonymity } from './k-anonymity.ts'
import { BUILDER_VERSION, countsFrom, manifestBytes, peopleShown, type ReleaseCounts, releaseId } from './manifest.ts'
import { ParquetWriter, type SegmentName } from './parquet.ts'
import { type Random, randomStream } from './random.ts'
import { diskError, ReleaseFiles } from './release-files.ts'
import { Spill } from './spill.ts'
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
  readonly publishedAtMs: number
  /** Ordered by person. */
  readonly parts: AsyncIterable<RecordedPart> | Iterable<RecordedPart>
  /** The builder's signature: a compact JWS. */
  readonly sign: (typ: string, payload: unknown) => string
  /** Raw Ed25519 public key of the builder, base64url. */
  readonly builder: string
  readonly rowsPerShard?: number
  readonly spillBytesInMemory?: number
}

export interface StagedRelease {
  readonly id: ReleaseId
  readonly manifest: ReleaseManifest
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
  const files = await ReleaseFiles.create(join(parent, `${STAGING_PREFIX}${randomBytes(9).toString('base64url')}`))
  try {
    const manifest = await build(request, files)
    const bytes = manifestBytes(manifest)
    const id = releaseId(bytes)
    await files.writeUnlisted('manifest.json', bytes)
    await files.writeUnlisted('manifest.jws', Buffer.from(request.sign(RELEASE_TYP, { manifest: id })))
    await files.writeUnlisted('charter.yaml', Buffer.from(request.charterYaml))
    return {
      id,
      manifest,
      async publish(ledgerProof) {
        try {
          if (ledgerProof !== null) await files.writeUnlisted('ledger.tlog-proof', ledgerProof)
          await files.publish(request.directory)
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

async function build(request: ReleaseRequest, files: ReleaseFiles): Promise<ReleaseManifest> {
  const { charter, name, secret } = request
  const rules = charter.release
  const rowsPerShard = request.rowsPerShard ?? ROWS_PER_SHARD
  const vocabulary = vocabularyOf(charter)
  const shortcuts = new Shortcuts()
  const anonymity = new KAnonymity(vocabulary, rules.k)
  const spill = new Spill(
    dirname(await files.pathOf('spill')),
    randomStream(secret, 'shuffle'),
    request.spillBytesInMemory,
  )
  let counts: ReleaseCounts
  try {
    const settings = shieldSettings(charter)
    const episodes = createEpisodes(
      vocabulary,
      rules,
      secret,
      shortcuts,
      (segment, person) => {
        anonymity.count(segment, person)
        spill.add(segment)
      },
      (action) => checkConformance(action, settings) === null,
    )
    for await (const part of request.parts) episodes.push(part)
    episodes.end()
    const people = anonymity.peopleLeft()
    if (people < rules.k)
      throw new FairtraceError('RELEASE_EMPTY', `fewer than ${rules.k} people share an app in scope`)
    const random = randomStream(secret, 'names')
    const written = await write(files, vocabulary, shortcuts, anonymity, spill, random, rowsPerShard)
    counts = countsOf(rules.k, people, written, episodes.drops)
  } finally {
    spill.close()
  }
  const facts: CardFacts = {
    charter,
    charterHash: charterHash(charter),
    name,
    publishedAtMs: request.publishedAtMs,
    builder: request.builder,
    counts,
    shards: files.shards,
  }
  await files.writeShard('croissant.json', Buffer.from(`${JSON.stringify(croissantCard(facts), null, 2)}\n`), 1)
  await files.writeShard('README.md', Buffer.from(dataSheet(facts)), 1)
  return {
    v: 1,
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
      rowsPerShard,
    },
    counts,
    shards: [...files.shards],
    previous: [],
  }
}

interface Written {
  segments: number
  actions: number
  trajectories: number
  images: number
  readonly byKind: Record<string, number>
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
): Promise<Written> {
  const written: Written = {
    segments: 0,
    actions: 0,
    trajectories: 0,
    images: 0,
    byKind: {},
    appsBelowK: 0,
    labelsBelowK: 0,
    tasksBelowK: 0,
  }
  const kinds = new Float64Array(KINDS.length)
  const agentNet = new AgentNetWriter(files, rowsPerShard)
  const parquet = await ParquetWriter.open(files, vocabulary, shortcuts.names, rowsPerShard)
  try {
    for (const segment of spill.drain()) {
      const steps = segment.actions.length / FIELDS
      if (!anonymity.keepsApp(segment.app)) {
        written.appsBelowK += steps
        continue
      }
      written.labelsBelowK += anonymity.removeRareLabels(segment)
      const task = anonymity.taskOf(segment)
      if (task !== segment.task) written.tasksBelowK++
      const name = drawName(random)
      await parquet.write(name, task, segment)
      const instruction = task === ABSENT ? undefined : vocabulary.tasks[task]?.instruction
      if (instruction !== undefined) {
        const end = anonymity.endOf(segment)
        await agentNet.write(nameText(name), instruction, { ...segment, end }, shortcuts.names)
      }
      for (let at = 0; at < segment.actions.length; at += FIELDS) {
        const kind = segment.actions[at] ?? 0
        kinds[kind] = (kinds[kind] ?? 0) + 1
      }
      written.segments++
      written.actions += steps
    }
    await agentNet.end()
    await parquet.end()
  } finally {
    await agentNet.close()
    await parquet.close()
  }
  written.trajectories = agentNet.segments
  written.images = agentNet.images
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

function countsOf(k: number, people: number, written: Written, drops: EpisodeDrops): ReleaseCounts {
  const { segments, actions, trajectories, images, byKind, appsBelowK, labelsBelowK, tasksBelowK } = written
  return {
    ...countsFrom(k, { people: peopleShown(k, people), segments, actions, trajectories, images }),
    byKind: countsFrom(k, byKind),
    dropped: countsFrom(k, { ...drops, appsBelowK, labelsBelowK, tasksBelowK }),
  }
}
