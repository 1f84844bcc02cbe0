import { nearest } from './near.ts'

/** The schema keyword with the words that follow "want": what the pattern accepts. */
export const wantKeyword = 'x-want'

/** The error of a validator, TypeBox's or Fastify's. Fastify sets `data` and `parentSchema` only in verbose mode. */
export interface SchemaError {
  keyword: string
  instancePath: string
  params: object
  /** Where in the schema the violated subschema is; TypeBox's alone names the subschema, Fastify's the keyword in it. */
  schemaPath?: string
  data?: unknown
  parentSchema?: unknown
}

export interface FaultOptions {
  /** What the whole value is, such as "request body". */
  whole: string
  /** The validated value. Without it and without data in the errors no value is shown, because it could be a secret. */
  value?: unknown
  /** The schema of the whole, for errors of TypeBox, which do not bring the violated one along. */
  schema?: object
}

/**
 * Describes what is wrong with a value, for its sender: which field, its value in quotes, the reason, and what to send
 * instead. Takes a validator's errors.
 */
export function schemaFault(errors: readonly SchemaError[], options: FaultOptions): string {
  const { whole } = options
  const first = withSchema(errors.find(({ keyword }) => !vague.has(keyword)) ?? errors[0], options)
  if (!first) return `${whole} does not fit: see the reference of the API`
  const alternatives = errors.filter(
    ({ keyword, instancePath }) => keyword === 'type' && instancePath === first.instancePath,
  )
  const found = 'data' in first ? first.data : valueAt(options.value, first.instancePath)
  const words = faults[first.keyword]?.({
    params: first.params,
    found,
    schema: (first.parentSchema ?? {}) as PartOfSchema, // the subschema that the value violates
    types: alternatives.map(({ params }) => String((params as { type?: unknown }).type)),
  })
  const name = nameOf(first.instancePath) || whole
  const isKnown = 'data' in first || 'value' in options
  if (words?.isAbout === 'whole') return `${name} ${words.text}`
  return `${name}${isKnown ? shown(found, first) : ''}: ${words?.text ?? 'it does not fit: see the reference of the API'}`
}

function withSchema(
  error: SchemaError | undefined,
  { schema }: FaultOptions,
): SchemaError | undefined {
  if (!error?.schemaPath || error.parentSchema !== undefined || !schema) return error
  return { ...error, parentSchema: valueAt(schema, error.schemaPath) }
}

/** They only say that no branch matches, or that no value would; other errors of the same place have the reason. */
const vague = new Set(['anyOf', 'oneOf', 'allOf', 'if', 'boolean'])

/** The keywords that we read from the violated subschema. */
interface PartOfSchema {
  enum?: unknown[]
  properties?: object
  writeOnly?: boolean
  [wantKeyword]?: string
}

interface Found {
  params: object
  found: unknown
  schema: PartOfSchema
  types: readonly string[]
}

interface Words {
  text: string
  /** Keywords whose message continues after the field name and does not show the value. */
  isAbout?: 'whole'
}

/** Fields that are listed for who has written another. */
const maxListed = 8

const faults: Readonly<Record<string, (found: Found) => Words>> = {
  required: ({ params }) => {
    const { missingProperty, requiredProperties } = params as Record<string, unknown>
    const [missing] = [missingProperty ?? requiredProperties].flat()
    return { text: `has no ${quoted(missing)}: send it along`, isAbout: 'whole' }
  },
  additionalProperties: ({ params, schema }) => {
    const { additionalProperty, additionalProperties } = params as Record<string, unknown>
    const [unknown] = [additionalProperty ?? additionalProperties].flat()
    const known = Object.keys(schema.properties ?? {})
    const near = nearest(String(unknown), known)
    const few = known.length > 0 && known.length <= maxListed && near === undefined
    const beside = few ? `, beside ${oneOf(known.map(quoted))}` : ''
    const advice = near === undefined ? 'leave it out' : `did you mean "${near}"?`
    return {
      text: `has a field ${quoted(unknown)} that nobody reads${beside}: ${advice}`,
      isAbout: 'whole',
    }
  },
  boolean: () => ({ text: 'is a field that nobody reads: leave it out', isAbout: 'whole' }),
  type: ({ types, schema }) => ({
    text: `want ${schema[wantKeyword] ?? oneOf(types.map((type) => typeNames[type] ?? type))}`,
  }),
  enum: ({ params, schema }) => {
    const { allowedValues = schema.enum ?? [] } = params as { allowedValues?: unknown[] }
    return { text: `want ${oneOf(allowedValues.map(quoted))}` }
  },
  const: ({ params }) => ({
    text: `want ${quoted((params as { allowedValue?: unknown }).allowedValue)}`,
  }),
  pattern: ({ schema }) => ({
    text: `want ${schema[wantKeyword] ?? 'the form that the reference of the API shows'}`,
  }),
  format: ({ params }) => ({
    text: `want ${formats[String((params as { format?: unknown }).format)] ?? 'another form'}`,
  }),
  minLength: (fault) => lengthWords(fault, 'character', 'more'),
  maxLength: (fault) => lengthWords(fault, 'character', 'fewer'),
  minItems: (fault) => lengthWords(fault, 'item', 'more'),
  maxItems: (fault) => lengthWords(fault, 'item', 'fewer'),
  minimum: ({ params }) => ({ text: `want ${limitOf(params)} or more` }),
  maximum: ({ params }) => ({ text: `want ${limitOf(params)} or less` }),
}

function lengthWords({ params, found }: Found, unit: string, direction: 'more' | 'fewer'): Words {
  const limit = limitOf(params)
  const want = `want ${limit} ${unit}${limit === '1' ? '' : 's'} or ${direction}`
  const length =
    typeof found === 'string' ? countChars(found) : Array.isArray(found) ? found.length : undefined
  if (length === undefined) return { text: want }
  return { text: `${length === 0 ? 'it is empty' : `it has ${length}`}: ${want}` }
}

const typeNames: Record<string, string> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}

const formats: Record<string, string> = {
  'date-time': 'a time such as 2025-01-15T10:30:00Z',
  ipv4: 'an IPv4 address such as 10.100.1.2',
}

function limitOf(params: object): string {
  const { limit } = params as { limit?: unknown }
  return String(limit)
}

function oneOf(texts: readonly string[]): string {
  const all = [...new Set(texts)]
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`
}

/** The value sent, unless it is secret or an object or array. */
function shown(found: unknown, { parentSchema, instancePath }: SchemaError): string {
  if ((parentSchema as PartOfSchema | undefined)?.writeOnly === true) return ''
  if (Array.isArray(found)) return ' (a list)'
  if (typeof found === 'object' && found !== null) return ' (an object)'
  return instancePath === '' && found === undefined ? '' : ` ${quoted(found)}`
}

const maxShownChars = 64

/** As JSON, truncated. */
function quoted(value: unknown): string {
  if (typeof value !== 'string') return cut(JSON.stringify(value) ?? 'nothing')
  return JSON.stringify(cut(value))
}

function cut(text: string): string {
  const chars = Array.from(text.slice(0, 2 * maxShownChars))
  const isWhole = chars.length <= maxShownChars && text.length <= 2 * maxShownChars
  return isWhole ? text : `${chars.slice(0, maxShownChars).join('')}…`
}

function countChars(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/** `/rules/0/from` as `rules[0].from`. */
function nameOf(pointer: string): string {
  return stepsOf(pointer)
    .map((step, at) =>
      /^\d+$/.test(step) && at > 0 ? `[${step}]` : `${at === 0 ? '' : '.'}${plain(step)}`,
    )
    .join('')
}

/** The name of a field; a user-chosen key is quoted. */
function plain(step: string): string {
  return /^[\w-]{1,64}$/.test(step) ? step : quoted(step)
}

function valueAt(value: unknown, pointer: string): unknown {
  return stepsOf(pointer).reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[step] : undefined,
    value,
  )
}

function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}
