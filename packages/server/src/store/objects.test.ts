import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileObjects } from './objects.ts'

describe('FileObjects', () => {
  let root: string
  let objects: FileObjects
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fairtrace-objects-'))
    objects = new FileObjects(root)
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  it.each([
    '',
    '/etc/passwd',
    '../outside',
    'segments/../../outside',
    'segments/.incoming/x',
    'a//b',
    'a/',
    'a\0b',
    'a b',
  ])('refuses the key %j', async (key) => {
    await expect(objects.put(key, Buffer.from('x'))).rejects.toMatchObject({ code: 'INTERNAL' })
    await expect(objects.read(key, 0, 1)).rejects.toMatchObject({ code: 'INTERNAL' })
  })

  it('never replaces an object', async () => {
    await objects.put('segments/ab/one', Buffer.from('first'))
    await expect(objects.put('segments/ab/one', Buffer.from('other'))).rejects.toMatchObject({
      code: 'SEGMENT_CORRUPT',
    })
    await objects.put('segments/ab/one', Buffer.from('first'))
    expect((await objects.get('segments/ab/one')).toString()).toBe('first')
  })

  it.each([
    ['is missing', 'segments/ab/none', 0, 1],
    ['ends before', 'segments/ab/one', 3, 3],
  ])('refuses to read what %s', async (_what, key, offset, length) => {
    await objects.put('segments/ab/one', Buffer.from('first'))
    await expect(objects.read(key, offset, length)).rejects.toMatchObject({ code: 'SEGMENT_CORRUPT' })
  })

  it('reads a part', async () => {
    await objects.put('segments/ab/one', Buffer.from('first'))
    expect((await objects.read('segments/ab/one', 1, 3)).toString()).toBe('irs')
  })

  it('lists objects in order, without drafts', async () => {
    for (const key of ['segments/b/2', 'segments/a/1', 'releases/x/y']) await objects.put(key, Buffer.from(key))
    expect(await objects.list('segments')).toEqual(['segments/a/1', 'segments/b/2'])
    expect(await objects.list('nothing')).toEqual([])
    expect(readdirSync(join(root, 'segments', '.incoming'))).toEqual([])
  })

  it('lets nobody else read what it writes', async () => {
    await objects.put('segments/ab/one', Buffer.from('first'))
    expect(statSync(join(root, 'segments/ab/one')).mode & 0o077).toBe(0)
  })

  it('deletes, also what is gone', async () => {
    await objects.put('segments/ab/one', Buffer.from('first'))
    await objects.delete('segments/ab/one')
    await objects.delete('segments/ab/one')
    expect(await objects.list('segments')).toEqual([])
  })

  it('removes drafts that a crash left behind, and no newer ones', async () => {
    mkdirSync(join(root, 'segments', '.incoming'), { recursive: true })
    for (const name of ['old', 'new']) writeFileSync(join(root, 'segments', '.incoming', name), 'x')
    utimesSync(join(root, 'segments', '.incoming', 'old'), 0, 0)
    await objects.removeAbandoned('segments')
    expect(readdirSync(join(root, 'segments', '.incoming'))).toEqual(['new'])
  })
})
