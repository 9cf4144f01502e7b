/**
 * Which labels a person should look at twice: a catalogue says which texts may leave a device, so what looks like somebody's
 * data is left out, with the reason, and only a person can put it back.
 */
import { type TextKind, textKindOf } from '@fairtrace/core'

/** Why a label was left out. Closed: every reason is one sentence for who reviews. */
export type LeftOutReason = keyof typeof REASONS

export const REASONS = {
  long: 'longer than a label',
  email: 'an e-mail address',
  url: 'a web address',
  phone: 'a telephone number',
  account: 'a card or account number',
  date: 'a date or a time',
  digits: 'holds a number',
  name: 'may be a person’s name',
  initials: 'may be somebody’s initials',
} as const

const LABEL_CHARACTERS_MAX = 40
const LABEL_WORDS_MAX = 6

const BY_KIND: Readonly<Partial<Record<TextKind, LeftOutReason>>> = {
  email: 'email',
  url: 'url',
  phone: 'phone',
  card: 'account',
  iban: 'account',
  date: 'date',
  number: 'digits',
}

const list = (words: string): ReadonlySet<string> => new Set(words.split(' '))
/** Words of buttons and menus, in some languages: with one of them, capitals don't make a name. */
const INTERFACE_WORDS = list(
  'new open save as close cancel ok apply edit delete remove add insert view help file tools window settings options preferences ' +
    'search find filter sort print export import share send reply forward copy paste cut undo redo back next previous home sign in ' +
    'out log up down all my more less show hide select clear reset submit confirm yes no done start stop upload download create ' +
    'update refresh account profile password user name first last email address phone date time today week month day calendar ' +
    'inbox sent drafts trash archive folder list table row column cell page section report dashboard project task team order ' +
    'customer contact contacts invoice message messages event events note notes terms privacy policy to from the of and for with ' +
    'neu neue neuer neues öffnen speichern unter schließen abbrechen bearbeiten löschen hinzufügen ansicht hilfe datei ' +
    'einstellungen suchen drucken senden antworten zurück weiter anmelden abmelden alle meine ' +
    'nouveau nouvelle ouvrir enregistrer fermer annuler modifier supprimer ajouter affichage aide fichier paramètres rechercher ' +
    'imprimer envoyer répondre retour suivant connexion déconnexion tous mes ' +
    'nuevo nueva abrir guardar como cerrar cancelar editar eliminar añadir ver ayuda archivo ajustes buscar imprimir enviar ' +
    'responder atrás siguiente iniciar sesión todos mis ' +
    'nowy nowa otwórz zapisz zamknij anuluj edytuj usuń dodaj widok pomoc plik ustawienia szukaj drukuj wyślij odpowiedz wstecz ' +
    'dalej zaloguj wyloguj wszystkie moje',
)
/** First names that are frequent somewhere: one of them is a name whatever stands beside it. */
const FIRST_NAMES = list(
  'anna anne maria marie mary sarah sara laura julia emma olivia sophie sofia lena eva ewa ana carmen lucia luca camille lea chloe ' +
    'john james david michael peter paul thomas andreas martin stefan jan jakub piotr pawel tomasz jean pierre nicolas juan jose ' +
    'carlos luis pedro antonio mohamed mohammed ali ahmed fatima priya wei robert william george oliver harry jack lukas max felix',
)

/** Null: it reads as text of an interface. */
export function judgeLabel(label: string): LeftOutReason | null {
  const kind = BY_KIND[textKindOf(label)]
  if (kind !== undefined) return kind
  const words = label.split(/\s+/)
  if (label.length > LABEL_CHARACTERS_MAX || words.length > LABEL_WORDS_MAX) return 'long'
  if (/\S@\S/.test(label)) return 'email'
  if (/\p{N}/u.test(label)) return 'digits'
  if (/^\p{Lu}{1,3}$/u.test(label) && !INTERFACE_WORDS.has(label.toLowerCase())) return 'initials'
  return isNameLike(words) ? 'name' : null
}

function isNameLike(words: readonly string[]): boolean {
  const plain = words.map((word) => word.replace(/[^\p{L}\p{M}'’-]/gu, '').toLowerCase())
  const folded = plain.map((word) => word.normalize('NFD').replace(/\p{M}/gu, '').replaceAll('ł', 'l'))
  if (folded.some((word, i) => FIRST_NAMES.has(word) && /^\p{Lu}/u.test(words[i] ?? ''))) return true
  const isCapitalised = words.every((word) => /^\p{Lu}(?:\p{Ll}|[.'’-]|\p{Lu}\p{Ll})/u.test(word))
  return words.length >= 2 && words.length <= 3 && isCapitalised && !plain.some((word) => INTERFACE_WORDS.has(word))
}
