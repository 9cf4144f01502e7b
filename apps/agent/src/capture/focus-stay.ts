/** One stay of the keyboard focus: in one field, or where it isn't known yet. */
import type { AppId, FieldKind } from '@fairtrace/core'

/** What asking an element again said. `slow`: it is well, but its app was behind, and may still hold keys that it hasn't looked at. */
export type Confirmation = 'ordinary' | 'slow' | 'doubtful'

/** Keys may leave from these; from `secure` and `unknown` nothing does. */
const ORDINARY: ReadonlySet<FieldKind> = new Set<FieldKind>(['text', 'search', 'code', 'none'])

export class FocusStay {
  readonly app: AppId
  /** Whose window it is: what one program says of its focus bears on its own keys alone. */
  readonly program: string
  /** Null until it is known. */
  #field: FieldKind | null = null
  #confirm: () => Promise<Confirmation> = async () => 'doubtful'
  /** Keys of it that weren't confirmed are dropped. */
  #isCondemned = false
  /** Number of the last key for which the program, asked after it, has answered promptly; once, and twice. */
  #answeredUpTo = 0
  #confirmedUpTo = 0

  constructor(app: AppId, program: string) {
    this.app = app
    this.program = program
  }

  get field(): FieldKind | null {
    return this.#field
  }

  get isPending(): boolean {
    return this.#field === null
  }

  get isOrdinary(): boolean {
    return this.#field !== null && ORDINARY.has(this.#field) && !this.#isCondemned
  }

  /** Known to be no ordinary field: keys in it aren't even held. */
  get isDoubtful(): boolean {
    return this.#isCondemned || (this.#field !== null && !ORDINARY.has(this.#field))
  }

  /** Its field is known: said once. @param confirm asks the element again, as it is then */
  resolve(field: FieldKind, confirm: () => Promise<Confirmation>): void {
    if (this.#field !== null) return
    this.#field = field
    this.#confirm = confirm
  }

  confirm(): Promise<Confirmation> {
    return this.#confirm()
  }

  /** The last key about which it is certain enough. */
  get confirmedUpTo(): number {
    return this.#confirmedUpTo
  }

  /** Whether a key waits only for the second answer. */
  hasAnsweredOnce(key: number): boolean {
    return key <= this.#answeredUpTo
  }

  /**
   * It answered promptly, to a question that was asked after the key `upTo`. One answer may come from between two things that
   * it still had to look at; the second, a while later, doesn't.
   */
  answered(upTo: number): void {
    this.#confirmedUpTo = this.#answeredUpTo
    this.#answeredUpTo = upTo
  }

  /** It was behind: answers count anew. */
  wasSlow(): void {
    this.#answeredUpTo = this.#confirmedUpTo
  }

  condemn(): void {
    this.#isCondemned = true
    this.#field ??= 'unknown'
  }
}
