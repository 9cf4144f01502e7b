/** A picture of a candidate's attacks: what attackers reach with it, and with everything in scope, against chance. */
import { type PlotLine, plotAttack } from '../plot.ts'
import type { RiskFigure, RiskReport } from './report.ts'

export function plotCandidate({ figures, unprotected, people }: RiskReport): Promise<string> {
  const line = (name: string, own: readonly RiskFigure[]): PlotLine => ({
    name,
    points: [...new Set(own.map(({ amount }) => amount))].map((amount) => ({
      amount,
      timesChance: people * Math.max(0, ...own.filter((one) => one.amount === amount).map(({ rank1 }) => rank1)),
    })),
  })
  return plotAttack([line('this release', figures), line('everything in scope', unprotected)], {
    title: `Finding one of ${people} people by what is released`,
    amountTitle: 'segments known to be one person’s',
  })
}
