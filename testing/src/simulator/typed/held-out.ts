/** Templates that no rule of the shield was written for: other ways again to write the same things. */
import type { Random } from '../random.ts'
import { cardNumber, digits, iban, inFours, plain } from './figures.ts'
import type { Language, LanguageParts } from './languages.ts'
import type { TypedKind } from './typed-kind.ts'

type Templates = readonly [() => string, ...(() => string)[]]

export function heldOutText(kind: TypedKind, language: Language, parts: LanguageParts, random: Random): string {
  const templates = templatesOf(kind, language, parts, random)
  return random.pick(templates)()
}

function templatesOf(kind: TypedKind, language: Language, parts: LanguageParts, random: Random): Templates {
  const word = () => random.pick(parts.words)
  const name = () => random.pick(parts.names)
  const surname = () => random.pick(parts.surnames)
  const id = plain(word())
  const n = 2 + random.below(30)
  switch (kind) {
    case 'word':
      return [word, name, surname, () => `${word()}.`, () => `${word()};`, () => `'${word()}'`]
    case 'sentence':
      return [
        () => sentence(parts, random),
        () => sentence(parts, random),
        () => `${sentence(parts, random)} ${sentence(parts, random)}`,
        () => `${name()} & ${name()}`,
        () => `${name()} ${surname()}-${surname()}`,
        () => `${word()}, ${word()}, ${word()}`,
        () => `* ${word()} ${word()}`,
      ]
    case 'number':
      return numbers(parts, random)
    case 'date':
      return dates(language, parts, random)
    case 'email':
      return [
        () => `${plain(name())}${plain(surname())}@post.example`,
        () => `${plain(name())}.${plain(surname())}@${plain(word())}-group.com`,
        () => `no-reply+${digits(random, 3)}@${plain(word())}.io`,
        () => `${plain(name())}@x.example; ${plain(name())}@y.example`,
      ]
    case 'url':
      return [
        () => `https://${id}.com`,
        () => `http://${plain(surname())}.net/?q=${id}&p=${n}`,
        () => `www.${id}.org/${plain(name())}`,
        () => `shop.${id}.eu/${digits(random, 6)}`,
        () => `https://${id}.example/~${plain(name())}/index.php`,
      ]
    case 'phone':
      return phones(language, random)
    case 'card': {
      const card = cardNumber(random, random.pick(['45', '52', '54', '6500', '60110']), 16)
      const amex = cardNumber(random, '37', 15)
      return [
        () => card,
        () => inFours(card, ' '),
        () => inFours(card, '-'),
        () => `${inFours(card, ' ')} `,
        () => `${amex.slice(0, 4)} ${amex.slice(4, 10)} ${amex.slice(10)}`,
      ]
    }
    case 'iban': {
      const account = iban(...ACCOUNTS[language](random))
      return [() => account, () => inFours(account, ' '), () => `${inFours(account, ' ').toLowerCase()}`]
    }
    case 'code':
      return [
        () => `function ${id}() {`,
        () => `${id} = ${n} * ${id}`,
        () => `SELECT name, age FROM ${id} ORDER BY age`,
        () => `=A${n}*1.19`,
        () => `pip install ${id}==${n}.0`,
        () => `git push origin main`,
        () => `${id}.length > ${n}`,
        () => `<p>${id}</p>`,
        () => `rm -rf ./${id}`,
        () => `return ${id}[${n}];`,
        () => `max-width: ${n}px;`,
        () => `C:\\Users\\${id}\\Desktop`,
        () => `if ${id} == ${n}:`,
      ]
    case 'search':
      return [() => `${word()} ${parts.places[1]}`, word, () => `${name()} ${surname()} ${word()}`]
    case 'other':
      return [
        () => `${capitals(random, 3)}-${digits(random, 6)}`,
        () => `${digits(random, 3)}${capitals(random, 3)}`,
        () => `${capitals(random, 1)}-${digits(random, 2)}/${digits(random, 4)}`,
        () => random.pick(['!', '…', '--->', '👋', '????', '%%']),
        () => `${plain(name())}_${digits(random, 2)}.png`,
        () => `@${plain(name())}_${plain(surname())}`,
        () => `${plain(name())}${digits(random, 3)}!`,
      ]
  }
}

function sentence(parts: LanguageParts, random: Random): string {
  return random
    .pick(parts.sentences)
    .replace('#', String(3 + random.below(40)))
    .replace('@', random.pick(parts.names))
}

function numbers({ decimal, thousands }: LanguageParts, random: Random): Templates {
  const whole = String(3 + random.below(90))
  return [
    () => digits(random, 1 + random.below(3)),
    () => `${whole}${decimal}${digits(random, 1)}`,
    () => `${whole}${thousands}${digits(random, 3)}`,
    () => `${whole}${decimal}${digits(random, 2)}€`,
    () => `£${whole}${thousands}${digits(random, 3)}`,
    () => `${whole}${decimal}${digits(random, 2)} USD`,
    () => `${whole} cm`,
    () => `+ ${whole} %`,
    () => `${whole}x${whole}`,
    () => `${whole}/100`,
    () => `-${whole}`,
    () => `${1 + random.below(9)}${digits(random, 4 + random.below(7))}`,
    () => `${whole} kWh`,
    () => `${whole}${thousands}${digits(random, 3)}${decimal}${digits(random, 2)} CHF`,
  ]
}

function dates(language: Language, { months, shortMonths, weekdays }: LanguageParts, random: Random): Templates {
  const day = 1 + random.below(28)
  const month = random.below(12)
  const year = 1980 + random.below(60)
  const two = (value: number) => String(value).padStart(2, '0')
  const name = months[month] ?? ''
  const weekday = weekdays[random.below(7)] ?? ''
  const hour = 1 + random.below(11)
  const minute = two(random.below(60))
  const local: Readonly<Record<Language, Templates>> = {
    en: [
      () => `${month + 1}/${day}/${year}`,
      () => `${day} ${name}`,
      () => `${hour}.${minute}pm`,
      () => `${weekday}, ${day} ${name} ${year}`,
    ],
    de: [
      () => `${day}. ${shortMonths[month]}`,
      () => `${two(day)}.${two(month + 1)}.`,
      () => `${weekday} ${hour} Uhr`,
      () => `${day}. ${name}, ${hour}:${minute}`,
    ],
    fr: [
      () => `${day} ${name}`,
      () => `${two(hour)}h${minute}`,
      () => `le ${weekday} ${day} ${name} ${year}`,
      () => `${day}/${two(month + 1)}/${two(year % 100)}`,
    ],
    es: [
      () => `${day} de ${name}`,
      () => `${day}/${two(month + 1)}/${two(year % 100)}`,
      () => `${hour}:${minute} p.m.`,
      () => `${weekday} ${day} de ${name} de ${year}`,
    ],
    pl: [
      () => `${day} ${name}`,
      () => `${weekday}, ${day} ${name} ${year}`,
      () => `${day}.${two(month + 1)}.${year}`,
      () => `godz. ${hour}`,
    ],
  }
  const everywhere: Templates = [
    () => `${year}-${two(month + 1)}-${two(day)}`,
    () => `${hour}:${minute}`,
    () => `${two(day)}/${two(month + 1)}/${year}`,
    () => `${two(day)}.${two(month + 1)}.${year}, ${two(hour)}:${minute}`,
    () => `${name} ${year}`,
  ]
  return random.chance(0.5) ? local[language] : everywhere
}

function phones(language: Language, random: Random): Templates {
  const d = (count: number) => digits(random, count)
  const n = () => String(2 + random.below(7))
  const local: Readonly<Record<Language, Templates>> = {
    en: [
      () => `(718) ${n()}${d(2)} ${d(4)}`,
      () => `+1 (718) ${n()}${d(2)}-${d(4)}`,
      () => `0131 496 0${d(3)}`,
      () => `+44 131 496 0${d(3)}`,
      () => `718-${n()}${d(2)}-${d(4)}`,
    ],
    de: [
      () => `0711 ${n()}${d(2)} ${d(3)}`,
      () => `+49 711 ${n()}${d(5)}`,
      () => `0172 ${n()}${d(3)} ${d(3)}`,
      () => `0711-${n()}${d(5)}`,
      () => `+4917${d(1)}${n()}${d(6)}`,
    ],
    fr: [
      () => `07 ${d(2)} ${d(2)} ${d(2)} ${d(2)}`,
      () => `+33 1 ${d(2)} ${d(2)} ${d(2)} ${d(2)}`,
      () => `06.${d(2)}.${d(2)}.${d(2)}.${d(2)}`,
      () => `02${d(8)}`,
    ],
    es: [
      () => `95${d(1)} ${d(3)} ${d(3)}`,
      () => `+34 95${d(1)} ${d(2)} ${d(2)} ${d(2)}`,
      () => `6${d(2)}-${d(2)}-${d(2)}-${d(2)}`,
      () => `0034 6${d(8)}`,
    ],
    pl: [
      () => `+48 12 ${n()}${d(2)} ${d(2)} ${d(2)}`,
      () => `66${d(1)} ${d(3)} ${d(3)}`,
      () => `12 ${n()}${d(2)}-${d(2)}-${d(2)}`,
      () => `+4866${d(7)}`,
    ],
  }
  return local[language]
}

const ACCOUNTS: Readonly<Record<Language, (random: Random) => [country: string, account: string]>> = {
  en: (random) => ['GB', `LOYD${digits(random, 14)}`],
  de: (random) => ['DE', digits(random, 18)],
  fr: (random) => ['MC', digits(random, 23)],
  es: (random) => ['ES', digits(random, 20)],
  pl: (random) => ['CZ', digits(random, 20)],
}

function capitals(random: Random, count: number): string {
  return Array.from({ length: count }, () => String.fromCharCode(65 + random.below(26))).join('')
}
