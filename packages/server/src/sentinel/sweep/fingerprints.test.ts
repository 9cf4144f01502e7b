import { describe, expect, it } from 'vitest'
import { likeness, type TableShape } from './fingerprints.ts'

const shape = (name: string, columns: readonly string[], type: string | null = null): TableShape => ({
  name,
  columns: columns.map((column) => ({ name: column, type })),
})
const OURS = [
  shape('vault.chunks', ['batch_id', 'segment_id', 'at_offset', 'length', 'content_key_id', 'pseudonym', 'device']),
]

describe('likeness', () => {
  it.each([
    ['an ordinary table', ['id', 'name', 'state', 'created_at', 'total']],
    ['one that shares common names alone', ['length', 'device', 'id', 'kind', 'text']],
    ['one that shares a single telling name', ['pseudonym', 'author', 'title', 'isbn']],
  ])('sees nothing in %s', (_what, columns) => {
    expect(likeness(OURS, shape('x', columns))).toBeNull()
  })

  it.each([
    ['a whole copy', ['batch_id', 'segment_id', 'at_offset', 'length', 'content_key_id', 'pseudonym', 'device']],
    ['a part, in other letters', ['Content-Key-Id', 'PSEUDONYM', 'Batch ID']],
    ['one with columns added', ['batch_id', 'segment_id', 'at_offset', 'pseudonym', 'exported_by', 'exported_on']],
  ])('knows %s', (_what, columns) => {
    expect(likeness(OURS, shape('x', columns))).toMatchObject({ table: 'vault.chunks', by: 'names' })
  })

  it('knows a renamed table by the order of its types, if it is long enough', () => {
    const types = ['25', '25', '20', '23', '25', '16', '25', '20', '25', '23', '16', '25']
    const own = { name: 'o', columns: types.map((type, i) => ({ name: `telling_${i}`, type })) }
    const theirs = (list: readonly string[]) => ({
      name: 't',
      columns: list.map((type, i) => ({ name: `c${i}`, type })),
    })
    expect(likeness([own], theirs(types))).toMatchObject({ by: 'types', similarity: 1 })
    expect(likeness([own], theirs([...types, '25', '25']))).toMatchObject({ by: 'types' })
    expect(likeness([own], theirs([...types, '25', '25', '25']))).toBeNull()
    expect(likeness([own], theirs(types.toReversed()))).toBeNull()
  })
})
