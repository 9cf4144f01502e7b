/** When a programme captures at all: hours of the week, by the clocks of one place. */

export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const
type Weekday = (typeof WEEKDAYS)[number]

interface WorkingHours {
  /** Whose clocks count, as "Europe/Berlin". */
  readonly zone: string
  readonly days: readonly Weekday[]
  readonly from: string
  /** Exclusive. */
  readonly to: string
}

/** "00:00" to "24:00"; as text they sort as times do. */
export const dayTimePattern = /^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/
const SECOND_MS = 1_000

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    // A name that the platform doesn't know is no zone.
    return false
  }
}

/**
 * When the working period that runs at `nowMs` ends, in Unix milliseconds, or null outside working hours.
 *
 * Told from the clock on the wall there, so on a day that changes to summer time it may be an hour off; whoever uses it for
 * a lease of a minute asks again before that matters.
 */
export function workingPeriodEndMs(hours: WorkingHours, nowMs: number): number | null {
  if (!Number.isFinite(nowMs)) return null
  const { weekday, secondOfDay } = wallClock(hours.zone, nowMs)
  const isInside =
    hours.days.includes(weekday) && secondsOf(hours.from) <= secondOfDay && secondOfDay < secondsOf(hours.to)
  if (!isInside) return null
  return nowMs - (nowMs % SECOND_MS) + (secondsOf(hours.to) - secondOfDay) * SECOND_MS
}

const formats = new Map<string, Intl.DateTimeFormat>()

function wallClock(zone: string, atMs: number): { weekday: Weekday; secondOfDay: number } {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'long',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    })
    formats.set(zone, format)
  }
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]))
  const name = parts.get('weekday')?.toLowerCase()
  const weekday = WEEKDAYS.find((day) => day === name) ?? 'sunday'
  const number = (part: 'hour' | 'minute' | 'second') => Number(parts.get(part))
  return { weekday, secondOfDay: number('hour') * 3_600 + number('minute') * 60 + number('second') }
}

function secondsOf(dayTime: string): number {
  const [hours, minutes] = dayTime.split(':')
  return Number(hours) * 3_600 + Number(minutes) * 60
}
