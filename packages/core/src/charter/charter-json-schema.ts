import { z } from 'zod'
import { charterSchema } from './charter-schema.ts'

/**
 * The charter as JSON Schema, for editors that complete and check it while it is written: durations as text. What a schema can't
 * say (a duration's bounds, roles that must all be there) `parseCharter` does.
 */
export function charterJsonSchema(): Record<string, unknown> {
  const about = {
    title: 'Fairtrace charter',
    description: 'The document that defines a programme; see docs/charter.md.',
  }
  return { ...z.toJSONSchema(charterSchema, { io: 'input' }), ...about }
}
