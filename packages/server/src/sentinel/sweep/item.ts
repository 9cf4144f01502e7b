/** What a sweep of a place consists of: items, each with a mark that changes when the item does. */
import type { ContentHits } from './content-scan.ts'
import type { TableShape } from './fingerprints.ts'
import type { SkipReason } from './scan-file.ts'

export interface ItemResult {
  readonly hits: ContentHits | null
  readonly shapes: readonly TableShape[]
  readonly skipped: SkipReason | null
  readonly bytes: number
  /** Of a file: by these it is looked at again when ciphertext of ours becomes known that it could be a copy of. */
  readonly size?: number
  readonly digest?: string | null
}

/** A few items that are best read together. */
export interface ItemGroup {
  readonly items: readonly { readonly item: string; readonly mark: string }[]
  /** Reads those; called only with items of this group that are not known under their mark. */
  read(items: readonly string[]): Promise<ReadonlyMap<string, ItemResult>>
}

export const skippedItem = (skipped: SkipReason): ItemResult => ({ hits: null, shapes: [], skipped, bytes: 0 })
