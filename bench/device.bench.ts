/** What leaves a device in an hour, and how fast its outbox takes actions. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import {
  type Action,
  createShield,
  defaultShieldSettings,
  type InputEvent,
  LEASE_TYP,
  type ProgrammeId,
  SHIELD_VERSION,
  type VaultKeyId,
} from '@fairtrace/core'
import {
  buildBatches,
  createDeviceKey,
  openSqliteOutbox,
  randomId,
  replayFile,
  sealEncodedBody,
} from '@fairtrace/device'
import { fakeJws, TEST_SEEDS } from '@fairtrace/testing/harness'
import type { Benchmark, Runs } from './benchmark.ts'

const HOUR_MS = 3_600_000
const RECORDINGS = process.env.FAIRTRACE_RECORDINGS ?? fileURLToPath(new URL('../../shared/data', import.meta.url))
const DUCKTRACK = join(RECORDINGS, 'ducktrack', 'events.jsonl.gz')
const APP = 'desktop:recording'

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'shield.bytes-per-hour',
    unit: 'bytes',
    better: 'lower',
    target: 200_000,
    peerName: 'gzip of raw events',
    run: bytesPerHour,
  },
  {
    name: 'device.outbox.append',
    unit: 'actions/s',
    better: 'higher',
    target: null,
    peerName: null,
    run: outboxAppend,
  },
]

/**
 * The recording repeated to one hour of active time. Real work doesn't repeat itself, and DEFLATE would find the repetition
 * in our few actions, though not in the raw lines, which are longer than its window. So each repetition has its places
 * moved and its actions in another order: what is left to compress is what each action is, and no more.
 */
async function bytesPerHour(): Promise<Runs | { readonly reason: string }> {
  if (!existsSync(DUCKTRACK)) return { reason: 'the DuckTrack recording is not here' }
  const events: InputEvent[] = []
  await replayFile(DUCKTRACK, 'ducktrack', { app: APP }, (event) => void events.push(event))
  const raw = gunzipSync(await readFile(DUCKTRACK))
  const times = events.map(({ atMs }) => atMs).filter((atMs) => atMs > 0)
  const lengthMs = times.reduce((a, b) => Math.max(a, b), 0) - times.reduce((a, b) => Math.min(a, b), Number.MAX_VALUE)
  const repeats = HOUR_MS / lengthMs
  const ours: number[] = []
  for (const seed of [1, 2, 3]) ours.push(await sealedBytes(hourOfActions(events, repeats, randomFrom(seed))))
  return { ours, peer: [gzippedBytes(raw, repeats)] }
}

/** One recording that begins with its `switch`; what the shield lets out of each repetition, moved and reordered. */
function hourOfActions(events: readonly InputEvent[], repeats: number, random: () => number): Action[] {
  const all: Action[] = [{ kind: 'switch', app: APP }]
  for (let i = 0; i < repeats; i++) {
    const [dx, dy] = [random(), random()]
    const shield = createShield(defaultShieldSettings([APP]))
    const actions: Action[] = []
    for (const event of events.slice(0, partOf(events.length, repeats - i))) shield.push(moved(event, dx, dy), actions)
    shield.end(actions)
    all.push(...shuffled(actions, random).filter(({ kind }) => kind !== 'switch'))
  }
  return all
}

/** The same event elsewhere in the window, around its edges; shares of its width and height. */
function moved(event: InputEvent, dx: number, dy: number): InputEvent {
  if (!('place' in event)) return event
  const { width, height } = event.place
  const place = { ...event.place, x: (event.place.x + dx * width) % width, y: (event.place.y + dy * height) % height }
  return { ...event, place }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}

/** Park and Miller's generator: the same figures in every run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** Bytes of all envelopes of one recording: a task, a lease, sealed to a real key. */
async function sealedBytes(actions: readonly Action[]): Promise<number> {
  const key = await createDeviceKey()
  const pair = await crypto.subtle.generateKey('X25519', true, ['deriveBits'])
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', (pair as CryptoKeyPair).publicKey))
  const head = {
    recording: randomId(),
    task: 'enter-order',
    outcome: null,
    lease: aLease(key.publicKey),
    shield: SHIELD_VERSION,
  }
  const to = {
    programme: 'test-programme' as ProgrammeId,
    vaultKey: { keyId: '0123456789abcdef' as VaultKeyId, publicKey },
    deviceKey: key,
  }
  let bytes = 0
  for (const { bytes: body } of await buildBatches(head, actions, 0)) {
    bytes += (await sealEncodedBody(body, to)).bytes.length
  }
  return bytes
}

/** A lease as long as real ones are: it travels in each batch. */
function aLease(deviceKey: string): string {
  const lease = {
    programme: 'test-programme',
    epoch: 1,
    charter: randomId() + randomId().slice(0, 21),
    noticeVersion: 1,
    consentVersion: 1,
    pseudonym: randomId(),
    device: randomId(),
    deviceKey,
    build: 'fairtrace-device-0.1.0',
    categories: ['pointer', 'keyboard', 'switches'],
    apps: [APP, 'desktop:mail', 'web:https://crm.example'],
    startsAtMs: Date.now(),
    endsAtMs: Date.now() + 60_000,
  }
  return fakeJws(LEASE_TYP, lease, TEST_SEEDS.issuer)
}

/** As a recorder that compresses writes it: one gzip stream over the lines of the hour. */
function gzippedBytes(raw: Buffer, repeats: number): number {
  const copies = Array.from({ length: Math.ceil(repeats) }, (_, i) => raw.subarray(0, partOf(raw.length, repeats - i)))
  return gzipSync(Buffer.concat(copies)).length
}

function partOf(length: number, repeatsLeft: number): number {
  return Math.round(length * Math.min(1, repeatsLeft))
}

/** Durable appends of 32 actions each, as capture makes them, for two seconds. */
async function outboxAppend(): Promise<Runs> {
  const ours: number[] = []
  for (let run = 0; run < 3; run++) {
    const dir = mkdtempSync(join(tmpdir(), 'fairtrace-bench-'))
    const outbox = openSqliteOutbox({
      file: join(dir, 'outbox.sqlite'),
      storageKey: crypto.getRandomValues(new Uint8Array(32)),
      clock: { nowMs: () => Date.now() },
      bytesMax: Number.MAX_SAFE_INTEGER,
    })
    const id = await outbox.begin({ lease: 'l', task: null, shield: '1', startedAtMs: 0, reviewMs: 0 })
    const group: Action[] = Array.from({ length: 32 }, (_, i) => ({
      kind: 'click',
      button: 'left',
      count: 1,
      target: { role: 'button', box: [i, i, 80, 20] },
    }))
    const startedMs = performance.now()
    let actions = 0
    while (performance.now() - startedMs < 2_000) {
      await outbox.append(id, group)
      actions += group.length
    }
    ours.push((actions * 1_000) / (performance.now() - startedMs))
    outbox.close()
    rmSync(dir, { recursive: true })
  }
  return { ours, peer: null }
}
