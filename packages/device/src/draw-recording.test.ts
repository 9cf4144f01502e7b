import { type Action, SCHEMATIC } from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawRecording } from './draw-recording.ts'

const save: Action = {
  kind: 'click',
  button: 'left',
  count: 1,
  target: { role: 'button', label: '<Save & "go">', box: [10, 20, 300, 200] },
}
const orders: Action = { kind: 'switch', app: 'desktop:orders' }
const mail: Action = { kind: 'switch', app: 'web:https://mail.example' }

describe('drawRecording', () => {
  it('has no script and no reference to anything outside', () => {
    const drawing = drawRecording([orders, save, mail, save])
    expect(drawing).not.toMatch(/<script|href|url\(|@import|\son\w+=/i)
    expect(drawing.match(/https?:[^"< ]*/g)).toEqual(['http://www.w3.org/2000/svg'])
  })

  it('takes a label for text, whatever is in it', () => {
    expect(drawRecording([save])).toContain('&lt;Save &amp; &quot;go&quot;&gt;')
    expect(drawRecording([save])).not.toContain('<Save')
  })

  it('says in words what it shows, for who does not see it', () => {
    const drawing = drawRecording([orders, save])
    expect(drawing).toContain('<title>Where 2 actions happened in orders</title>')
    expect(drawing).toContain('<desc>1. went to orders; 2. clicked the')
  })

  it('draws each app once, and a target once however often it was used', () => {
    const drawing = drawRecording([orders, save, mail, save, orders, save])
    expect(drawing.match(/class="ft-window"/g)).toHaveLength(2)
    expect(drawing.match(/class="ft-number"/g)).toHaveLength(2)
    expect(drawing).toContain('+1</tspan>')
  })

  it('tells keys below the window, because they have no place', () => {
    expect(drawRecording([orders, { kind: 'type', text: 'number', length: 'short' }])).toContain(
      '2 typed a short number',
    )
  })

  it('keeps every mark inside its window, wherever the targets are', () => {
    const unit = (max: number) => fc.integer({ min: 0, max })
    const box = fc.tuple(unit(SCHEMATIC.width), unit(SCHEMATIC.height), unit(SCHEMATIC.width), unit(SCHEMATIC.height))
    fc.assert(
      fc.property(fc.array(box, { maxLength: 30 }), (boxes) => {
        const drawing = drawRecording(
          boxes.map((one): Action => ({ kind: 'hover', target: { role: 'button', box: one } })),
        )
        expect(drawing).not.toContain('NaN')
        for (const [, x, y] of drawing.matchAll(/<text x="([\d.-]+)" y="([\d.-]+)" class="ft-number"/g)) {
          expect(Number(x)).toBeGreaterThan(0)
          expect(Number(x)).toBeLessThan(SCHEMATIC.width + 40)
          expect(Number(y)).toBeGreaterThan(0)
          expect(Number(y)).toBeLessThan(SCHEMATIC.height)
        }
      }),
      { numRuns: 50 },
    )
  })
})
