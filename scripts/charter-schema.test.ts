import { readdirSync, readFileSync } from 'node:fs'
import { charterJsonSchema, parseCharter } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'

const DOCS = new URL('../docs/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, DOCS), 'utf8')
const EXAMPLES = readdirSync(new URL('examples/', DOCS)).filter((name) => /^charter-.*\.yaml$/.test(name))

describe('docs/charter.schema.json', () => {
  it('is what the schema says today; `node scripts/run.mjs scripts/charter-schema.ts` writes it', () => {
    expect(JSON.parse(read('charter.schema.json'))).toEqual(charterJsonSchema())
  })

  it('refuses fields that a charter does not have', () => {
    expect(charterJsonSchema().additionalProperties).toBe(false)
  })
})

describe('the worked examples', () => {
  it('are a pilot, a works council’s, and a company’s of 70,000', () => {
    expect(EXAMPLES.toSorted()).toEqual(['charter-company.yaml', 'charter-pilot.yaml', 'charter-works-council.yaml'])
  })

  it.each(EXAMPLES)('%s parses, and names the schema for editors', (name) => {
    const yaml = read(`examples/${name}`)
    expect(yaml.split('\n')[0]).toBe('# yaml-language-server: $schema=../charter.schema.json')
    expect(parseCharter(yaml, name).demonstration).toBe(false)
  })
})
