/**
 * Writes docs/charter.schema.json, by which editors complete and check a charter while it is written. A test keeps the two
 * together. What a schema can't say (a duration's bounds, roles that must all be there) `fairtrace charter check` does.
 */
import { writeFileSync } from 'node:fs'
import { charterJsonSchema } from './charter-json-schema.ts'

writeFileSync(new URL('../docs/charter.schema.json', import.meta.url), charterJsonSchema())
