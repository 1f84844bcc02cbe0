/** A value that another version might send: it has a field that nobody here knows, or an unknown word where one of a few is wanted. */
export interface Stranger {
  kind: 'field' | 'word'
  /** In the value, as `peers[].status`; empty for the whole. */
  where: string
  value: unknown
}

/** The keywords of JSON Schema that ours use. */
interface Shape {
  type?: string
  properties?: Record<string, Shape>
  patternProperties?: Record<string, Shape>
  items?: Shape
  anyOf?: Shape[]
  enum?: unknown[]
  const?: unknown
  examples?: unknown[]
  pattern?: string
  minLength?: number
  minimum?: number
}

type Texts = Readonly<Record<string, string>>

/** A value with everything in it that the schema names. Texts are the examples of their schema, or of `texts`, by pattern. */
export function sampleOf(schema: object, texts: Texts = {}): unknown {
  return sample(schema as Shape, texts)
}

/** One for each object and each word of a schema, at every depth; all else in it is as in the sample. */
export function strangersOf(schema: object, texts: Texts = {}): Stranger[] {
  return strangers(schema as Shape, texts)
}

function sample(shape: Shape, texts: Texts): unknown {
  const { examples, anyOf, properties, patternProperties, items, type } = shape
  const [example] = examples ?? []
  if (example !== undefined) return example
  if ('const' in shape) return shape.const
  if (shape.enum) return shape.enum.find((word) => word !== '')
  if (anyOf) return sample(firstOf(anyOf), texts)
  if (properties) return mapValues(properties, (inner) => sample(inner, texts))
  if (patternProperties) return mapValues(any(patternProperties), (inner) => sample(inner, texts))
  if (items) return [sample(items, texts)]
  if (type === 'string') return textOf(shape, texts)
  if (type === 'integer' || type === 'number') return Math.max(1, shape.minimum ?? 1)
  return type === 'boolean' ? true : { any: 'value' }
}

function textOf({ pattern, minLength = 0 }: Shape, texts: Texts): string {
  if (pattern === undefined) return 'text'.padEnd(minLength, '.')
  const text = texts[pattern]
  if (text === undefined) throw new Error(`make a text: there is no example of ${pattern}`)
  return text
}

function strangers(shape: Shape, texts: Texts): Stranger[] {
  const { anyOf, properties, patternProperties, items } = shape
  if (shape.enum) return [{ kind: 'word', where: '', value: 'of-tomorrow' }]
  if (anyOf) return strangers(firstOf(anyOf), texts)
  if (items)
    return strangers(items, texts).map((one) => ({
      ...one,
      where: `[]${join(one.where)}`,
      value: [one.value],
    }))
  const fields = properties ?? (patternProperties && any(patternProperties))
  if (!fields) return []
  const whole = sample(shape, texts) as Record<string, unknown>
  const inner = Object.entries(fields).flatMap(([name, field]) =>
    strangers(field, texts).map((one) => ({
      ...one,
      where: `${name}${join(one.where)}`,
      value: { ...whole, [name]: one.value },
    })),
  )
  const own = { kind: 'field', where: '', value: { ...whole, of_tomorrow: { at: [1] } } } as const
  return properties ? [own, ...inner] : inner
}

function join(where: string): string {
  return where === '' || where.startsWith('[') ? where : `.${where}`
}

/** Of a map, whose keys nobody knows. */
function any(patternProperties: Record<string, Shape>): Record<string, Shape> {
  return { any: Object.values(patternProperties)[0] ?? {} }
}

function firstOf(shapes: readonly Shape[]): Shape {
  return shapes.find(({ type }) => type !== 'null') ?? {}
}

function mapValues(record: Record<string, Shape>, change: (shape: Shape) => unknown) {
  return Object.fromEntries(Object.entries(record).map(([name, shape]) => [name, change(shape)]))
}
