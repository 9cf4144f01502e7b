/** Writes docs/charter.schema.json from the schema that parses charters. A test keeps the two together. */
import { writeFileSync } from 'node:fs'
import { charterJsonSchema } from '@fairtrace/core'

writeFileSync(
  new URL('../docs/charter.schema.json', import.meta.url),
  `${JSON.stringify(charterJsonSchema(), null, 2)}\n`,
)
