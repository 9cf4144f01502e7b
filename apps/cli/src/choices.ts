import { FairtraceError } from '@fairtrace/core'

/** A list of choices separated by commas, in the order of what is offered; all of it if left out. @throws `USAGE` */
export function chosen<T extends string>(list: string | undefined, offered: readonly T[]): readonly T[] {
  if (list === undefined) return offered
  const names = list.split(',').map((name) => name.trim())
  if (!names.every((name) => offered.some((one) => one === name))) {
    throw new FairtraceError('USAGE', `the charter offers: ${offered.join(', ')}`)
  }
  return offered.filter((one) => names.includes(one))
}
