/**
 * Nothing unshielded reaches the disk, nor anything that a log could take: what was typed, where, and into which field stays in
 * memory, also where something fails. Every value on the disk is opened here with the device's key before it is searched.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { FieldKind, InputEvent } from '@fairtrace/core'
import { type FakePortal, startFakePortal } from '@fairtrace/testing/harness'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Device } from './device.ts'
import { createDeviceService } from './device-service.ts'
import { openDevice } from './open-device.ts'
import { sealedValues } from './sealed-values.ts'
import type { InputSource } from './source.ts'

const MARKER = 'zebramarker'
const LISTED = 'desktop:orders'
const clock = { nowMs: () => Date.now() }
let dir: string
let portal: FakePortal
let device: Device

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-content-'))
  portal = await startFakePortal(clock)
  device = await openDevice(dir, { clock })
  await device.enrol(portal.url, 'a-session', 'test-build')
})
afterEach(async () => {
  await device.close()
  await portal.stop()
  rmSync(dir, { recursive: true })
})

function typing(field: FieldKind, app = LISTED): InputEvent[] {
  const atMs = Date.now()
  const keys = [...MARKER].flatMap((key): InputEvent[] => [
    { kind: 'key', atMs, key, down: true },
    { kind: 'key', atMs, key, down: false },
  ])
  return [{ kind: 'focus', atMs, app, field }, ...keys]
}

function clicking(label: string, role: string): InputEvent[] {
  const target = { role, label, box: { x: 1, y: 1, width: 9, height: 9 } }
  const place = { x: 10, y: 10, width: 100, height: 100, target }
  const button = (down: boolean): InputEvent => ({
    kind: 'button',
    atMs: Date.now(),
    button: 'left',
    down,
    clicks: 1,
    place,
  })
  return [button(true), button(false), { kind: 'rest', atMs: Date.now(), place }]
}

/** What people do, with the marker wherever a source could put something that is theirs. */
const session = (): InputEvent[] => [
  ...typing('text'),
  ...typing('search'),
  ...typing('code'),
  ...typing('secure'),
  ...typing('unknown'),
  ...typing('text', `desktop:${MARKER}`),
  ...typing('text', `web:https://${MARKER}.example`),
  { kind: 'focus', atMs: Date.now(), app: LISTED, field: 'none' },
  ...clicking(MARKER, 'button'),
  ...clicking('Save', MARKER),
]

interface Row {
  readonly id: string
  readonly recording: string
  readonly name: string
  readonly position: number
  readonly info: Uint8Array
  readonly value: Uint8Array
}

/** Every value in the outbox, opened. */
function opened(): string {
  const values = sealedValues(new Uint8Array(readFileSync(join(dir, 'storage.key'))))
  const database = new DatabaseSync(join(dir, 'outbox.sqlite'), { readOnly: true })
  const rows = (sql: string) => database.prepare(sql).all() as unknown as Row[]
  const text = [
    ...rows('select id, info from recordings').map(({ id, info }) => values.decryptJson(`recording ${id}`, info)),
    ...rows('select recording, position, value from chunks').map(({ recording, position, value }) =>
      values.decryptJson(`chunk ${recording} ${position}`, value),
    ),
    ...rows('select value from notes').map(({ value }) => values.decryptJson('note', value)),
    ...rows('select name, value from meta').map(({ name, value }) => values.decryptJson(`meta ${name}`, value)),
  ]
  database.close()
  return JSON.stringify(text)
}

/** An error as a logger would take it, with everything that it carries. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error)
  return `${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause === undefined ? '' : told(error.cause)}`
}

/** What a hand-over between processes could turn an event into: reading it fails, with the content in the message. */
function broken(): InputEvent {
  return {
    kind: 'key',
    atMs: Date.now(),
    down: true,
    get key(): string {
      throw new Error(MARKER)
    },
  }
}

describe('what is typed into a device', () => {
  it('is not on its disk, in its review or in its report', async () => {
    const report = await device.capture(session(), { replayed: true })
    expect(report.actions.type).toBeGreaterThan(0)
    const review = JSON.stringify(await device.review())
    await device.close()
    const disk = opened()
    // What is searched is what was captured.
    expect(disk).toContain('"kind":"type"')
    for (const one of [disk, review, JSON.stringify(report)]) expect(one.toLowerCase()).not.toContain(MARKER)
  })

  it('is in no note and in nothing that is thrown, where an event can not be read', async () => {
    const events = async function* () {
      // Made when they are taken, because the lease begins before.
      yield* [...typing('text'), broken(), ...typing('text')]
    }
    const outcome = await device.capture(events()).catch((cause) => cause)
    expect(told(outcome)).not.toContain(MARKER)
    await device.close()
    expect(opened()).not.toContain(MARKER)
  })

  it('is in nothing that is thrown where the outbox is full, or broken', async () => {
    const { outbox } = device
    for (const cause of [new Error('disk'), Object.assign(new Error('odd'), { errcode: 13 })]) {
      const begin = vi.spyOn(outbox, 'begin').mockRejectedValue(cause)
      const outcome = await device.capture(session(), { replayed: true }).catch((thrown) => thrown)
      expect(told(outcome)).not.toContain(MARKER)
      begin.mockRestore()
    }
  })

  it('is in no state, and in no line of a log, of a service whose source and disk fail', async () => {
    const lines: unknown[] = []
    const spies = (['log', 'warn', 'error'] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation((...args) => void lines.push(args)),
    )
    let emit: (event: InputEvent) => void = () => undefined
    const source: InputSource = {
      attach: async (to) => {
        emit = to
      },
      detach: async () => {
        throw new Error(MARKER)
      },
      onProblem: () => undefined,
      close: async () => undefined,
    }
    const service = createDeviceService({ device, source, clock })
    service.onChange((state) => lines.push(state))
    await service.start()
    await vi.waitFor(() => expect(service.state.state).toBe('recording'))
    for (const event of [...session(), broken(), ...session()]) emit(event)
    await service.pause()
    await service.stop()
    for (const spy of spies) spy.mockRestore()
    expect(lines.length).toBeGreaterThan(0)
    expect(JSON.stringify(lines.map(told))).not.toContain(MARKER)
    await device.close()
    expect(opened()).not.toContain(MARKER)
  })
})
