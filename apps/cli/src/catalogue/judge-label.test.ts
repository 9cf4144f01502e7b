import { describe, expect, it } from 'vitest'
import { judgeLabel } from './judge-label.ts'

describe('judgeLabel', () => {
  it.each([
    ['anna.berg@example.org', 'email'],
    ['Signed in as a@b.example', 'email'],
    ['https://example.org/x', 'url'],
    ['+49 30 1234567', 'phone'],
    ['DE89 3704 0044 0532 0130 00', 'account'],
    ['4111 1111 1111 1111', 'account'],
    ['12 May 2024', 'date'],
    ['14:30', 'date'],
    ['Inbox (3)', 'digits'],
    ['42', 'digits'],
    ['Order 4711', 'digits'],
    ['Anna Berg', 'name'],
    ['Berg, Kaja', 'name'],
    ['Welcome, Anna', 'name'],
    ['Małgorzata Wiśniewska', 'name'],
    ['Ana', 'name'],
    ['AB', 'initials'],
    ['Please remember to send the papers before noon', 'long'],
  ] as const)('leaves %s out: %s', (label, reason) => {
    expect(judgeLabel(label)).toBe(reason)
  })

  it.each([
    'Save',
    'Save As',
    'New Order',
    'Sign in',
    'OK',
    'Speichern unter',
    'Neue Bestellung',
    'Enregistrer',
    'szukaj',
    'Reply all',
  ])('takes %s for text of the interface', (label) => {
    expect(judgeLabel(label)).toBeNull()
  })
})
