/** Attack success against amount of data, as an SVG that says in words what it shows. */
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

export interface PlotLine {
  readonly name: string
  /** In times chance, the best of all attackers. */
  readonly points: readonly { readonly amount: number | 'all'; readonly timesChance: number }[]
}

export interface PlotText {
  readonly title: string
  /** What `amount` counts, such as "sentences known to be one person's". */
  readonly amountTitle: string
}

/** Chance is drawn as a line of its own; the scale is logarithmic, so that raw and protected stand in one picture. */
export async function plotAttack(lines: readonly PlotLine[], { title, amountTitle }: PlotText): Promise<string> {
  const values = lines.flatMap(({ name, points }) =>
    points.map(({ amount, timesChance }) => ({
      series: name,
      amount: String(amount),
      // A logarithm has no zero: what is less is drawn at the foot.
      times: Math.max(timesChance, 0.1),
    })),
  )
  const order = [...new Set(values.map(({ amount }) => amount))]
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title,
    width: 480,
    height: 300,
    background: 'white',
    layer: [
      {
        data: { values },
        mark: { type: 'line', point: true },
        encoding: {
          x: { field: 'amount', type: 'ordinal', sort: order, title: amountTitle, axis: { labelAngle: 0 } },
          y: { field: 'times', type: 'quantitative', scale: { type: 'log' }, title: 'rank-1, in times chance' },
          color: { field: 'series', type: 'nominal', title: null },
          // Colour alone tells not everybody which line is which.
          strokeDash: { field: 'series', type: 'nominal', title: null },
          shape: { field: 'series', type: 'nominal', title: null },
        },
      },
      {
        data: { values: [{ times: 1 }] },
        mark: { type: 'rule', strokeDash: [2, 2] },
        encoding: { y: { field: 'times', type: 'quantitative' } },
      },
    ],
  }
  const svg = await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG()
  const said = lines.map(
    ({ name, points }) =>
      `${name}: ${points.map(({ amount, timesChance }) => `${timesChance.toFixed(1)} times chance with ${amount}`).join(', ')}`,
  )
  const heading = `<title>${escaped(title)}</title><desc>${escaped(`${said.join('. ')}. The dotted line is chance.`)}</desc>`
  return svg.replace(/<svg\b[^>]*>/, (tag) => `${tag.replace('<svg', '<svg role="img"')}${heading}`)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
