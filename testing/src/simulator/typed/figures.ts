/** Numbers with a check digit, made up: cards by Luhn, IBANs by mod 97. They belong to nobody. */
import type { Random } from '../random.ts'

export function digits(random: Random, count: number): string {
  return Array.from({ length: count }, () => String(random.below(10))).join('')
}

/** @param prefix the issuer's first digits, @param size digits in all */
export function cardNumber(random: Random, prefix: string, size: number): string {
  const body = prefix + digits(random, size - prefix.length - 1)
  const sum = [...body].toReversed().reduce((total, digit, i) => total + luhn(Number(digit), i % 2 === 0), 0)
  return body + String((10 - (sum % 10)) % 10)
}

function luhn(digit: number, isDoubled: boolean): number {
  return isDoubled ? Math.floor((2 * digit) / 10) + ((2 * digit) % 10) : digit
}

/** @param account what follows the check digits */
export function iban(country: string, account: string): string {
  const figures = [...`${account}${country}00`].map((character) => Number.parseInt(character, 36)).join('')
  const check = 98n - (BigInt(figures) % 97n)
  return `${country}${String(check).padStart(2, '0')}${account}`
}

/** Groups of four from the left, as IBANs and most cards are printed. */
export function inFours(text: string, separator: string): string {
  return (text.match(/.{1,4}/g) ?? []).join(separator)
}

/** As addresses write it: small letters without accents. */
export function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll('ł', 'l')
    .replaceAll('ß', 'ss')
    .normalize('NFD')
    .replace(/[^a-z0-9@.+]/g, '')
}
