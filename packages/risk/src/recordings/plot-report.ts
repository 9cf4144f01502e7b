/** A picture of one or more reports on recordings. */
import { type PlotLine, plotAttack } from '../plot.ts'
import type { RecordingsReport } from './report.ts'
import type { RecordingFormat } from './rows.ts'

const AMOUNT_TITLES: Readonly<Record<RecordingFormat, string>> = {
  keystrokes: 'linked sentences',
  sapimouse: 'linked units of ten actions',
  commands: 'linked segments',
}

/** The best attacker of each report against the amount of data; reports are of one format. */
export function plotReports(reports: readonly [RecordingsReport, ...RecordingsReport[]]): Promise<string> {
  const [{ format, people }] = reports
  const lines = reports.map(({ protect, figures, chance }): PlotLine => {
    const amounts = [...new Set(figures.map(({ amount }) => amount))]
    return {
      name: protect === 'none' ? 'raw' : protect,
      points: amounts.map((amount) => ({
        amount,
        timesChance: Math.max(0, ...figures.filter((one) => one.amount === amount).map(({ rank1 }) => rank1)) / chance,
      })),
    }
  })
  return plotAttack(lines, {
    title: `Finding one of ${people} people by ${format}`,
    amountTitle: AMOUNT_TITLES[format],
  })
}
