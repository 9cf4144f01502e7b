/**
 * Dates and times of day, in figures or with the month's or day's name, in English, German, French, Spanish, Polish, Italian,
 * Portuguese and Dutch.
 */
import {
  codeAt,
  containsAny,
  countAny,
  countOf,
  isAny,
  isDigit,
  isDigits,
  isLetter,
  isOneOf,
  isSpace,
  numberOf,
  pieces,
  sizeOf,
  startsWith,
  type TextSpan,
} from '../text-span.ts'

const DIGITS_MAX = 20
const WORDS_MAX = 12

const list = (words: string): readonly string[] => words.split(' ')

/** Names and abbreviations, without accents. Three-letter words that are ordinary ones too count only beside a number. */
const MONTHS = list(
  'january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept ' +
    'oct nov dec januar jaenner februar marz maerz mai juni juli oktober dezember jun okt dez mrz janvier fevrier mars avril juin ' +
    'juillet aout septembre octobre novembre decembre janv fevr avr juil enero febrero marzo abril mayo junio julio agosto ' +
    'septiembre setiembre octubre noviembre diciembre ene abr ago dic stycznia lutego marca kwietnia maja czerwca lipca sierpnia ' +
    'wrzesnia pazdziernika listopada grudnia styczen luty marzec kwiecien maj czerwiec lipiec sierpien wrzesien pazdziernik ' +
    'listopad grudzien sty lut kwi cze lip sie wrz paz lis gru gennaio febbraio aprile maggio giugno luglio settembre ottobre ' +
    'dicembre gen mag giu lug set ott janeiro fevereiro marco maio junho julho setembro outubro novembro dezembro fev out januari ' +
    'februari maart augustus',
)
const WEEKDAYS = list(
  'monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun montag dienstag mittwoch ' +
    'donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so lundi mardi mercredi jeudi vendredi samedi dimanche lun mer ' +
    'jeu ven sam dim lunes martes miercoles jueves viernes sabado domingo mie jue vie sab dom poniedzialek wtorek sroda srode ' +
    'czwartek piatek sobota sobote niedziela niedziele pon wt sr czw pt sob niedz lunedi martedi mercoledi giovedi venerdi maandag ' +
    'dinsdag woensdag donderdag vrijdag zaterdag zondag',
)
/** Words that make a number beside them a time of day. */
const TIME_WORDS = list('am pm a.m p.m uhr oclock godz godzina hrs horas heures uur')
/** Words that a date may hold, and that say nothing themselves. */
const FILLERS = list(
  'the of on at and to from until o a al e et y i und oraz de del el la las los le du au les den der dem des am um im vom bis ab von il dia dnia r rok ' +
    'roku od do h van om op z t utc cet cest gmt',
)
const ORDINALS = list('st nd rd th er ere e eme a o º ª h')

/** A text is a date if each of its words belongs to one, and one of them at least says so itself. */
export function isDate(text: TextSpan): boolean {
  const digits = countOf(text, isDigit)
  if (digits === 0 || digits > DIGITS_MAX) return false
  const hasNames = countOf(text, isLetter) > 0
  let words = 0
  let numbers = 0
  let names = 0
  let whole = 0
  let isHour = false
  for (const piece of pieces(text, (code) => isSpace(code) || code === 0x2013 || isAny(code, ',()'))) {
    if (++words > WORDS_MAX) return false
    for (const word of hasNames ? parts(piece) : ranges(piece)) {
      switch (meaning(word)) {
        case 'whole':
          whole++
          break
        case 'number':
          // `9 h 35`: figures on both sides make it a time, and not a stretch of hours.
          if (isHour) whole++
          numbers++
          break
        case 'name':
          names++
          break
        case 'filler':
          break
        case null:
          return false
      }
      isHour = numbers > 0 && isOneOf(word, ['h'])
    }
  }
  return whole > 0 || (names > 0 && numbers > 0)
}

type Meaning = 'whole' | 'number' | 'name' | 'filler' | null

function meaning(word: TextSpan): Meaning {
  if (isFigures(word)) return 'whole'
  const text = withoutMarks(word)
  if (sizeOf(text) === 0) return 'filler'
  if (isDayAndMonth(text) || sizeOf(text) < sizeOf(withoutDots(word))) return 'number'
  let end = text.start
  while (isDigit(codeAt(text, end))) end++
  if (end === text.start) {
    if (isOneOf(text, MONTHS) || isOneOf(text, WEEKDAYS) || isOneOf(text, TIME_WORDS)) return 'name'
    return isOneOf(text, FILLERS) || countAny(text, "-–/'’") === sizeOf(text) ? 'filler' : null
  }
  const isPlausible = isDayOrYear({ ...text, end })
  if (end === text.end) return isPlausible ? 'number' : null
  return isClock(text, end) ? 'whole' : isPlausible && isOneOf({ ...text, start: end }, ORDINALS) ? 'number' : null
}

/** `14h`, `14h30`, `2pm`, `2:30pm`: figures with what makes them a time. */
function isClock(text: TextSpan, hoursEnd: number): boolean {
  const hours = { ...text, end: hoursEnd }
  if (sizeOf(hours) > 2 || numberOf(hours) > 24) return false
  let end = hoursEnd
  const mark = codeAt(text, end)
  if (mark === 0x68 || mark === 0x3a || mark === 0x2e) {
    end++
    const minutes = { ...text, start: end, end: end + 2 }
    if (end + 2 > text.end || !isDigits(minutes) || numberOf(minutes) > 59) return false
    end += 2
    if (end === text.end) return mark === 0x68
  }
  const rest = { ...text, start: end }
  return isOneOf(rest, TIME_WORDS) || isOneOf(rest, ['h'])
}

/** Figures that are a date or a time by themselves: `2024-05-31`, `31.5.24`, `31.5.`, `12/31`, `05/2024`, `14:30`, `2024-05-31t14:30z`. */
function isFigures(word: TextSpan): boolean {
  let end = word.start
  while (end < word.end && codeAt(word, end) !== 0x74) end++
  if (end < word.end) {
    return end > word.start && isFigures({ ...word, end }) && isOffsetTime({ ...word, start: end + 1 })
  }
  const mark = [':', '/', '.', '-'].find((candidate) => containsAny(word, candidate))
  if (mark === undefined) return false
  const groups = [...pieces(word, (code) => code === mark.charCodeAt(0))]
  if (countAny(word, mark) - groups.length > 0 || !groups.every((group) => isDigits(group) && sizeOf(group) <= 4)) {
    return false
  }
  const values = groups.map(numberOf)
  const isOpen = codeAt(word, word.end - 1) === mark.charCodeAt(0)
  if (mark === ':') return !isOpen && isTime(groups, values)
  if (groups.length === 3) return isDayMonthYear(values, groups)
  return groups.length === 2 && isShort(mark, groups, values, isOpen)
}

function isOffsetTime(text: TextSpan): boolean {
  for (const piece of pieces(text, (code) => isAny(code, 'z+'))) {
    if (countOf(piece, isDigit) + countAny(piece, ':.') !== sizeOf(piece)) return false
  }
  return countAny(text, ':') > 0
}

function isTime(groups: readonly TextSpan[], [hours = 99, minutes = 99, seconds = 0]: readonly number[]): boolean {
  const sizes = groups.length === 2 || groups.length === 3
  return sizes && hours < 25 && minutes < 60 && seconds < 60 && groups.slice(1).every((group) => sizeOf(group) === 2)
}

function isDayMonthYear([first = 0, second = 0, third = 0]: readonly number[], groups: readonly TextSpan[]): boolean {
  const [day, month, year] = first > 31 ? [third, second, first] : [first, second, third]
  const yearGroup = first > 31 ? groups[0] : groups[2]
  const yearSize = yearGroup === undefined ? 0 : sizeOf(yearGroup)
  return isInCalendar(day, month) && (yearSize === 4 ? isYear(year) : yearSize <= 2 && year < 100)
}

/** Two groups: day and month, or month and year. `1/2` is a fraction, `31.12` without its last dot a number. */
function isShort(mark: string, groups: readonly TextSpan[], [a = 0, b = 0]: readonly number[], isOpen: boolean) {
  const [first = 0, second = 0] = groups.map(sizeOf)
  if (first === 4 || second === 4) {
    const [year, month] = first === 4 ? [a, b] : [b, a]
    return !isOpen && mark !== '.' && Math.min(first, second) === 2 && isYear(year) && month >= 1 && month <= 12
  }
  if (mark === '.') return isOpen && isInCalendar(a, b)
  return mark === '/' && !isOpen && Math.max(first, second) === 2 && isInCalendar(a, b)
}

function isInCalendar(a: number, b: number): boolean {
  return a >= 1 && b >= 1 && Math.max(a, b) <= 31 && Math.min(a, b) <= 12
}

function isYear(year: number): boolean {
  return year >= 1_000 && year < 3_000
}

function isDayOrYear(digits: TextSpan): boolean {
  const value = numberOf(digits)
  return sizeOf(digits) <= 2 ? value <= 59 : sizeOf(digits) === 4 && isYear(value)
}

/** `31-dec-2024`, `31/dic/2024`: a name among the figures takes them apart. */
function* parts(piece: TextSpan): Generator<TextSpan> {
  const separator = containsAny(piece, '/') ? 0x2f : 0x2d
  const joined =
    countOf(piece, isLetter) > 2 && !startsWith(piece, 'a.m') && containsAny(piece, '-/') && !isFigures(piece)
  if (!joined) {
    // `d'abord` is no date, but `l'11 mars` and `'24` are.
    yield piece
    return
  }
  yield* pieces(piece, (code) => code === separator)
}

/** `9:00-17:30`, `1.5.24-3.5.24`: a hyphen joins two where something else is the mark. */
function* ranges(piece: TextSpan): Generator<TextSpan> {
  if (containsAny(piece, '-') && containsAny(piece, ':/.') && !containsAny(piece, 't')) {
    yield* pieces(piece, (code) => code === 0x2d)
  } else yield piece
}

/** `27.05` beside a name or an hour; alone it is a number. */
function isDayAndMonth(text: TextSpan): boolean {
  const groups = [...pieces(text, (code) => code === 0x2e)]
  if (groups.length !== 2 || !groups.every((group) => isDigits(group) && sizeOf(group) === 2)) return false
  const [day = 0, month = 0] = groups.map(numberOf)
  return isInCalendar(day, month)
}

/** `'24` without its mark, which stands for a century. */
function withoutMarks(word: TextSpan): TextSpan {
  const { codes, start, end } = withoutDots(word)
  const isYear = end - start === 3 && isAny(codes[start] ?? 0, "'’") && isDigits({ codes, start: start + 1, end })
  return { codes, start: isYear ? start + 1 : start, end }
}

/** `sept.` */
function withoutDots(word: TextSpan): TextSpan {
  let { end } = word
  while (end > word.start && isAny(word.codes[end - 1] ?? 0, '.')) end--
  return { ...word, end }
}
