import { charterSchema } from '@fairtrace/core'
import { z } from 'zod'

/** The text of docs/charter.schema.json: what a person writes, durations as text. */
export function charterJsonSchema(): string {
  const schema = z.toJSONSchema(charterSchema, { io: 'input' })
  const about = {
    title: 'Fairtrace charter',
    description: 'The document that defines a programme; see docs/charter.md.',
  }
  return `${JSON.stringify({ ...schema, ...about }, null, 2)}\n`
}
