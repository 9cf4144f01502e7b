/** More templates that the rules know: they were held out next, odder ones than people mostly type, and 92.8 % right then. */
import type { Random } from '../random.ts'
import { cardNumber, digits, iban, inFours, plain } from './figures.ts'
import type { Language, LanguageParts } from './languages.ts'
import type { TypedKind } from './typed-kind.ts'

type Templates = readonly [() => string, ...(() => string)[]]

export function fittedAgainText(kind: TypedKind, language: Language, parts: LanguageParts, random: Random): string {
  const templates = templatesOf(kind, language, parts, random)
  return random.pick(templates)()
}

function templatesOf(kind: TypedKind, language: Language, parts: LanguageParts, random: Random): Templates {
  const word = () => random.pick(parts.words)
  const name = () => random.pick(parts.names)
  const surname = () => random.pick(parts.surnames)
  switch (kind) {
    case 'word':
      return [word, word, name, surname, () => `${word()}!`, () => `"${word()}"`]
    case 'sentence':
      return [
        () => sentence(parts, random),
        () => sentence(parts, random),
        () => sentence(parts, random),
        () => `${surname()} ${name()}`,
        () => `${word()} / ${word()}`,
        () => `${word()} + ${word()}`,
        () => `${word()} (${word()})`,
      ]
    case 'number':
      return numbers(parts, random)
    case 'date':
      return dates(language, parts, random)
    case 'email':
      return [
        () => `${plain(name())}@${plain(surname())}.dev`,
        () => `<${plain(name())}.${plain(surname())}@corp.example>`,
        () => `${plain(word())}.${digits(random, 4)}@students.example.edu`,
        () => `"${surname()}, ${name()}" <${plain(surname())}@x.example>`,
        () => `${plain(name())}@sub.${plain(word())}.co.uk`,
      ]
    case 'url':
      return [
        () => `https://${plain(word())}.example:8443/#/${plain(word())}`,
        () => `mailto://${plain(name())}`,
        () => `${plain(word())}.${plain(surname())}.cloud/login`,
        () => `WWW.${plain(word()).toUpperCase()}.COM`,
        () => `docs.example.org/${plain(word())}_${plain(word())}.html`,
        () => `10.0.${random.below(256)}.${random.below(256)}`,
      ]
    case 'phone':
      return phones(language, random)
    case 'card':
      return cards(random)
    case 'iban':
      return ibans(language, random)
    case 'code':
      return codes(word, random)
    case 'search':
      return [
        () => `${word()} ${word()}?`,
        () => `${word()} -${word()}`,
        () => `${parts.places[0]} ${digits(random, 4)}`,
      ]
    case 'other':
      return [
        () => `${capitals(random, 1)}${digits(random, 6)}`,
        () => `${capitals(random, 2)} ${digits(random, 4)}${capitals(random, 2)}`,
        () => `${digits(random, 2)}-${capitals(random, 4)}-${digits(random, 2)}`,
        () => random.pick(['!!', '¿?', '- -', '☺', '***', '…?', '👍👍']),
        () => `${plain(surname())}${digits(random, 4)}`,
        () => `scan-${digits(random, 8)}.pdf`,
        () => `v${1 + random.below(9)}.${random.below(20)}.${random.below(9)}`,
      ]
  }
}

function sentence(parts: LanguageParts, random: Random): string {
  return random
    .pick(parts.sentences)
    .replace('#', String(2 + random.below(10)))
    .replace('@', random.pick(parts.names))
}

function numbers({ decimal, thousands }: LanguageParts, random: Random): Templates {
  const whole = String(2 + random.below(97))
  return [
    () => `${whole}${decimal}${digits(random, 3)}`,
    () => `${whole} €`,
    () => `− ${whole}${decimal}${digits(random, 2)}`,
    () => `${whole}${thousands}${digits(random, 3)}${thousands}${digits(random, 3)}${decimal}${digits(random, 2)}`,
    () => `EUR ${whole}${decimal}${digits(random, 2)}`,
    () => `${whole}°C`,
    () => `${whole} km`,
    () => `±${whole}`,
    () => `${whole}:1`,
    () => `${whole} – ${Number(whole) + 5}`,
    () => `00${digits(random, 4)}`,
    () => `${whole}${digits(random, 2 + random.below(9))}`,
    () => `${whole}k`,
    () => `~${whole}`,
  ]
}

function dates(language: Language, { months, shortMonths, weekdays }: LanguageParts, random: Random): Templates {
  const day = 1 + random.below(28)
  const month = random.below(12)
  const year = 2001 + random.below(40)
  const two = (value: number) => String(value).padStart(2, '0')
  const weekday = weekdays[random.below(7)] ?? ''
  const name = months[month] ?? ''
  const short = shortMonths[month] ?? ''
  const hour = 1 + random.below(11)
  const minute = two(random.below(60))
  const local: Readonly<Record<Language, Templates>> = {
    en: [
      () => `${name.toUpperCase()} ${day}`,
      () => `${weekday} ${hour}:${minute}am`,
      () => `the ${day}th of ${name} ${year}`,
      () => `${day}-${short}-${two(year % 100)}`,
    ],
    de: [
      () => `${weekday.slice(0, 2)}., ${day}.${month + 1}.${year}`,
      () => `am ${day}. ${name}`,
      () => `${hour}:${minute} bis ${hour + 1}:${minute} Uhr`,
      () => `${day}.${month + 1}. um ${hour} Uhr`,
    ],
    fr: [
      () => `du ${day} au ${day + 2} ${name}`,
      () => `${weekday.slice(0, 3)}. ${day} ${short}`,
      () => `${hour} h ${minute}`,
      () => `${two(day)}/${two(month + 1)} à ${hour}h${minute}`,
    ],
    es: [
      () => `${day}/${month + 1}/${year} a las ${hour}:${minute}`,
      () => `${weekday} ${day}`,
      () => `${day} ${name} ${year}`,
      () => `del ${day} al ${day + 2} de ${name}`,
    ],
    pl: [
      () => `${day}-go ${name}`,
      () => `od ${day} do ${day + 2} ${name}`,
      () => `${weekday} ${hour}:${minute}`,
      () => `${day}.${two(month + 1)}, godz. ${hour}:${minute}`,
    ],
  }
  const everywhere: Templates = [
    () => `${year}-${two(month + 1)}-${two(day)} ${two(hour)}:${minute}:30`,
    () => `${two(day)}.${two(month + 1)}.${two(year % 100)}`,
    () => `${two(hour)}:${minute}:07`,
    () => `${two(day)}-${two(month + 1)}-${year}`,
    () => `${year}/${two(month + 1)}`,
  ]
  return random.chance(0.5) ? local[language] : everywhere
}

function phones(language: Language, random: Random): Templates {
  const d = (count: number) => digits(random, count)
  const n = () => String(2 + random.below(7))
  const local: Readonly<Record<Language, Templates>> = {
    en: [
      () => `+1-617-${n()}${d(2)}-${d(4)}`,
      () => `617 ${n()}${d(2)} ${d(4)}`,
      () => `0161 496 0${d(3)}`,
      () => `(503)${n()}${d(2)}-${d(4)}`,
      () => `+353 1 ${n()}${d(2)} ${d(4)}`,
    ],
    de: [
      () => `0351 - ${n()}${d(6)}`,
      () => `+49/711/${n()}${d(5)}`,
      () => `(+49) 30 ${n()}${d(6)}`,
      () => `0176 / ${n()}${d(7)}`,
      () => `+41 44 ${n()}${d(2)} ${d(2)} ${d(2)}`,
    ],
    fr: [
      () => `0${1 + random.below(5)} ${d(2)} ${d(2)} ${d(2)} ${d(2)}`,
      () => `+33.6.${d(2)}.${d(2)}.${d(2)}.${d(2)}`,
      () => `(0)1 ${d(2)} ${d(2)} ${d(2)} ${d(2)}`,
      () => `+41 22 ${n()}${d(2)} ${d(2)} ${d(2)}`,
    ],
    es: [
      () => `(+34) 6${d(2)} ${d(2)} ${d(2)} ${d(2)}`,
      () => `6${d(2)} ${d(2)} ${d(2)} ${d(2)}`,
      () => `9${1 + random.below(7)}${d(1)}${d(6)}`,
      () => `+54 11 ${n()}${d(3)}-${d(4)}`,
    ],
    pl: [
      () => `+48 ${5 + random.below(3)}1${d(1)}-${d(3)}-${d(3)}`,
      () => `(+48) 50${d(1)} ${d(3)} ${d(3)}`,
      () => `61 8${d(2)} ${d(2)} ${d(2)}`,
      () => `60${d(7)}`,
    ],
  }
  return local[language]
}

function cards(random: Random): Templates {
  const card = cardNumber(random, random.pick(['51', '4', '65', '2720', '3528']), 16)
  const amex = cardNumber(random, '34', 15)
  return [
    () => card,
    () => inFours(card, ' '),
    () => inFours(card, '–'),
    () => `${amex.slice(0, 4)}-${amex.slice(4, 10)}-${amex.slice(10)}`,
    () => cardNumber(random, '62', 19),
  ]
}

function ibans(language: Language, random: Random): Templates {
  const made: Readonly<Record<Language, () => string>> = {
    en: () => iban('GB', `BARC${digits(random, 14)}`),
    de: () => iban('LI', digits(random, 17)),
    fr: () => iban('LU', digits(random, 16)),
    es: () => iban('ES', digits(random, 20)),
    pl: () => iban('SE', digits(random, 20)),
  }
  const account = made[language]()
  return [
    () => account,
    () => inFours(account, ' '),
    () => inFours(account, '\u00a0'),
    () => `${inFours(account, ' ')} `,
  ]
}

function codes(word: () => string, random: Random): Templates {
  const id = plain(word())
  const n = 1 + random.below(40)
  return [
    () => `var ${id} = new Map()`,
    () => `<a href="/${id}">${id}</a>`,
    () => `DELETE FROM ${id} WHERE id = ${n};`,
    () => `=VLOOKUP(A${n};B:C;2;0)`,
    () => `while (${id} < ${n}) ${id}++`,
    () => `from ${id} import ${id}`,
    () => `echo $${id.toUpperCase()}`,
    () => `#include <${id}.h>`,
    () => `${id}.map(x => x * ${n})`,
    () => `grep -rn ${id} src/`,
    () => `.${id} { margin: ${n}px }`,
    () => `func main() {`,
    () => `${id}[${n}] = None`,
    () => `chmod +x ${id}.sh`,
    () => `public void ${id}() throws`,
    () => `try:`,
  ]
}

function capitals(random: Random, count: number): string {
  return Array.from({ length: count }, () => String.fromCharCode(65 + random.below(26))).join('')
}
