/** Templates that were at hand when the shield's rules were written. */
import type { Random } from '../random.ts'
import { cardNumber, digits, iban, inFours, plain } from './figures.ts'
import type { Language, LanguageParts } from './languages.ts'
import type { TypedKind } from './typed-kind.ts'

export function fittedText(kind: TypedKind, language: Language, parts: LanguageParts, random: Random): string {
  const one = (...templates: readonly [() => string, ...(() => string)[]]) => random.pick(templates)()
  const word = () => random.pick(parts.words)
  const name = () => random.pick(parts.names)
  const surname = () => random.pick(parts.surnames)
  switch (kind) {
    case 'word':
      return one(
        word,
        word,
        name,
        surname,
        () => random.pick(parts.places),
        () => word().toLowerCase(),
        () => word().toUpperCase(),
      )
    case 'sentence':
      return one(
        () => sentence(parts, random),
        () => sentence(parts, random),
        () => `${name()} ${surname()}`,
        () => `${word()} ${word()} ${word()}`,
      )
    case 'number':
      return number(parts, random)
    case 'date':
      return date(language, parts, random)
    case 'email':
      return one(
        () => plain(`${name()}.${surname()}@firma.example`),
        () => plain(`${name()}${digits(random, 2)}@mail.example.org`),
        () => `${plain(word())}+${plain(word())}@example.${language === 'en' ? 'co.uk' : language}`,
      )
    case 'url':
      return one(
        () => `https://www.example.org/${plain(word())}/${digits(random, 4)}`,
        () => `www.${plain(word())}-example.com`,
        () => `${plain(word())}.example.${language === 'en' ? 'com' : language}`,
        () => `http://localhost:${3 + random.below(6)}000/${plain(word())}?id=${digits(random, 2)}`,
        () => `${plain(word())}.org/${plain(word())}#top`,
      )
    case 'phone':
      return random.chance(0.5) ? homePhone(language, random) : abroadPhone(language, random)
    case 'card': {
      const card = random.pick([
        () => cardNumber(random, '4', 16),
        () => cardNumber(random, `5${1 + random.below(5)}`, 16),
        () => cardNumber(random, '6011', 16),
      ])()
      const amex = cardNumber(random, '37', 15)
      return one(
        () => card,
        () => inFours(card, ' '),
        () => inFours(card, '-'),
        () => amex,
        () => `${amex.slice(0, 4)} ${amex.slice(4, 10)} ${amex.slice(10)}`,
      )
    }
    case 'iban': {
      const account = ibanOf(language, random)
      return one(
        () => account,
        () => inFours(account, ' '),
        () => inFours(account.toLowerCase(), ' '),
        () => account.toLowerCase(),
      )
    }
    case 'code':
      return code(word, random)
    case 'search':
      return one(
        word,
        () => `${word()} ${word()}`,
        () => `${name()} ${digits(random, 4)}`,
      )
    case 'other':
      return one(
        () => `${capitals(random, 2)}-${digits(random, 4)}-${capitals(random, 1)}`,
        () => `${capitals(random, 3)}${digits(random, 5)}`,
        () => `@${plain(name())}`,
        () => `#${plain(word())}`,
        () => random.pick(['???', '...', ':-)', '👍', '✓', '--', '!!!']),
        () => `${digits(random, 1)}${capitals(random, 2)} ${digits(random, 2)}${capitals(random, 1)}`,
      )
  }
}

function sentence(parts: LanguageParts, random: Random): string {
  return random
    .pick(parts.sentences)
    .replace('#', String(2 + random.below(98)))
    .replace('@', random.pick(parts.surnames))
}

function number({ decimal, thousands }: LanguageParts, random: Random): string {
  const whole = String(1 + random.below(999))
  const cents = digits(random, 2)
  const amount = `${whole}${thousands}${digits(random, 3)}${decimal}${cents}`
  const templates: readonly [() => string, ...(() => string)[]] = [
    () => whole,
    () => digits(random, 4 + random.below(3)),
    () => `${whole}${decimal}${cents}`,
    () => amount,
    () => `${amount} €`,
    () => `$${whole}.${cents}`,
    () => `-${whole}${decimal}${cents}`,
    () => `${whole} %`,
    () => `${whole}${decimal}5 kg`,
    () => `${whole} EUR`,
    () => `${1 + random.below(9)}${thousands}${digits(random, 3)}${thousands}${digits(random, 3)}`,
    () => `${1 + random.below(9)}${digits(random, 6 + random.below(4))}`,
  ]
  return random.pick(templates)()
}

function date(language: Language, { months, shortMonths, weekdays }: LanguageParts, random: Random): string {
  const day = 1 + random.below(28)
  const month = 1 + random.below(12)
  const year = 1960 + random.below(80)
  const two = (value: number) => String(value).padStart(2, '0')
  const clock = `${two(random.below(24))}:${two(random.below(60))}`
  const name = months[month - 1] ?? ''
  const short = shortMonths[month - 1] ?? ''
  const mark = { en: '/', de: '.', fr: '/', es: '/', pl: '.' }[language]
  const inWords = {
    en: `${name} ${day}, ${year}`,
    de: `${day}. ${name} ${year}`,
    fr: `${day === 1 ? '1er' : day} ${name} ${year}`,
    es: `${day} de ${name} de ${year}`,
    pl: `${day} ${name} ${year}`,
  }[language]
  const templates: readonly [() => string, ...(() => string)[]] = [
    () => `${two(day)}${mark}${two(month)}${mark}${year}`,
    () => `${day}${mark}${month}${mark}${two(year % 100)}`,
    () => `${year}-${two(month)}-${two(day)}`,
    () => inWords,
    () => `${day} ${short} ${year}`,
    () => `${weekdays[random.below(7)]} ${inWords}`,
    () => clock,
    () => `${two(day)}${mark}${two(month)}${mark}${year} ${clock}`,
    () => `${name} ${year}`,
  ]
  return random.pick(templates)()
}

function homePhone(language: Language, random: Random): string {
  const d = (count: number) => digits(random, count)
  const templates: Readonly<Record<Language, readonly [() => string, ...(() => string)[]]>> = {
    en: [
      () => `(212) ${2 + random.below(7)}${d(2)}-${d(4)}`,
      () => `415-${2 + random.below(7)}${d(2)}-${d(4)}`,
      () => `020 7946 0${d(3)}`,
      () => `07700 900${d(3)}`,
    ],
    de: [
      () => `030 ${1 + random.below(9)}${d(6)}`,
      () => `0151 2345${d(4)}`,
      () => `089/${1 + random.below(9)}${d(5)}`,
      () => `0171${1 + random.below(9)}${d(6)}`,
    ],
    fr: [() => `06 ${d(2)} ${d(2)} ${d(2)} ${d(2)}`, () => `01.${d(2)}.${d(2)}.${d(2)}.${d(2)}`, () => `07${d(8)}`],
    es: [() => `6${d(2)} ${d(3)} ${d(3)}`, () => `91 ${d(3)} ${d(2)} ${d(2)}`, () => `6${d(8)}`],
    pl: [
      () => `60${d(1)} ${d(3)} ${d(3)}`,
      () => `22 ${1 + random.below(8)}${d(2)} ${d(2)} ${d(2)}`,
      () => `51${d(1)}-${d(3)}-${d(3)}`,
    ],
  }
  return random.pick(templates[language])()
}

function abroadPhone(language: Language, random: Random): string {
  const d = (count: number) => digits(random, count)
  const templates: Readonly<Record<Language, readonly [() => string, ...(() => string)[]]>> = {
    en: [() => `+1 212 555 0${d(3)}`, () => `+44 7700 900${d(3)}`, () => `+442079460${d(3)}`],
    de: [
      () => `+49 30 ${1 + random.below(9)}${d(6)}`,
      () => `+49151234${d(5)}`,
      () => `+49 (0)89 ${1 + random.below(9)}${d(5)}`,
    ],
    fr: [
      () => `+33 6 ${d(2)} ${d(2)} ${d(2)} ${d(2)}`,
      () => `+336${d(8)}`,
      () => `0033 1 ${d(2)} ${d(2)} ${d(2)} ${d(2)}`,
    ],
    es: [() => `+34 6${d(2)} ${d(3)} ${d(3)}`, () => `+346${d(8)}`],
    pl: [() => `+48 60${d(1)} ${d(3)} ${d(3)}`, () => `+4851${d(7)}`],
  }
  return random.pick(templates[language])()
}

function ibanOf(language: Language, random: Random): string {
  switch (language) {
    case 'en':
      return iban('GB', `NWBK${digits(random, 14)}`)
    case 'de':
      return iban('DE', digits(random, 18))
    case 'fr':
      return iban('FR', digits(random, 23))
    case 'es':
      return iban('ES', digits(random, 20))
    case 'pl':
      return iban('PL', digits(random, 24))
  }
}

function code(word: () => string, random: Random): string {
  const id = plain(word())
  const n = 1 + random.below(40)
  return random.pick([
    () => `const ${id} = ${n};`,
    () => `SELECT * FROM ${id} WHERE id = ${n}`,
    () => `git commit -m "${word()}"`,
    () => `=SUM(B${n}:B${n + 9})`,
    () => `npm install ${id}`,
    () => `if (${id} > ${n}) { return null }`,
    () => `<div class="${id}">`,
    () => `def ${id}(x):`,
    () => `ls -la /home/${id}`,
    () => `${id}_total`,
    () => `{"${id}": ${n}}`,
    () => `console.log(${id})`,
  ])()
}

function capitals(random: Random, count: number): string {
  return Array.from({ length: count }, () => String.fromCharCode(65 + random.below(26))).join('')
}
