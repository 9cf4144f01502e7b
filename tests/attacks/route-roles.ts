/** Requests that a route would take, made from what it declares in the OpenAPI document: so that only who asks decides. */
import fc from 'fast-check'

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export interface DeclaredRoute {
  /** `METHOD /path/{parameter}`. */
  readonly name: string
  readonly method: string
  /** With every parameter filled in. */
  readonly path: string
  readonly type: string | null
  readonly body: string | null
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: Json
  readonly enum?: readonly Json[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minItems?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly pattern?: string
  readonly format?: string
}

interface Operation {
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: Schema
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

/** @param paths of an OpenAPI document */
export function declaredRoutes(
  paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): readonly DeclaredRoute[] {
  return Object.entries(paths).flatMap(([path, own]) =>
    Object.entries(own).map(([method, operation]) => {
      const { parameters = [], requestBody } = operation as Operation
      const needed = parameters.filter(({ required }) => required === true)
      const filled = needed
        .filter((one) => one.in === 'path')
        .reduce((text, one) => text.replace(`{${one.name}}`, encodeURIComponent(String(example(one.schema)))), path)
      const query = needed.filter((one) => one.in === 'query').map((one) => [one.name, String(example(one.schema))])
      const [content] = Object.entries(requestBody?.content ?? {})
      const value = content === undefined ? null : example(content[1].schema)
      return {
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path: query.length === 0 ? filled : `${filled}?${new URLSearchParams(query as [string, string][])}`,
        type: content === undefined ? null : content[0],
        body: content === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value),
      }
    }),
  )
}

/** The least that a schema takes. */
function example(schema: Schema): Json {
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0] ?? null
  const [choice] = schema.anyOf ?? schema.oneOf ?? []
  if (choice !== undefined) return example(choice)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'object') {
    const own = schema.properties ?? {}
    return Object.fromEntries((schema.required ?? []).map((name) => [name, example(own[name] ?? {})]))
  }
  if (type === 'array') return Array.from({ length: schema.minItems ?? 0 }, () => example(schema.items ?? {}))
  if (type === 'integer' || type === 'number') return Math.max(schema.minimum ?? 1, (schema.exclusiveMinimum ?? 0) + 1)
  if (type === 'boolean') return false
  if (type !== 'string') return null
  if (schema.pattern !== undefined) return sampleOf(schema.pattern, schema.minLength ?? 0)
  return 'x'.repeat(Math.max(1, schema.minLength ?? 1))
}

function sampleOf(pattern: string, lengthMin: number): string {
  const matching = fc.stringMatching(new RegExp(pattern)).filter((text) => text.length >= lengthMin)
  return fc.sample(matching, { numRuns: 1, seed: 7 })[0] ?? ''
}
