/** How Go's encoding/json reads and writes (wire contract 1): strict where JavaScript is lenient. */

/** A type that a document is decoded into; `struct` ignores fields it does not name. */
export type GoType =
  | 'string'
  | 'int'
  | 'bool'
  | 'time'
  | 'any'
  | { list: GoType }
  | { map: GoType }
  | { struct: Readonly<Record<string, GoType>> }

/** Decodes a whole document; throws a TypeError, as Go rejects the whole document for one bad field. */
export function goDecode(type: GoType, text: string): unknown {
  const tree = parseWithSource(text, (_key, value, { source }) =>
    typeof value === 'number' ? new GoNumber(source ?? '') : value,
  )
  return convert(type, tree, '')
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown // the compiler's types have no context yet

/** A document as Go writes it: HTML characters escaped. A nil slice is `null`, which is for the caller to give. */
export function goEncode(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

class GoNumber {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

function convert(type: GoType, value: unknown, path: string): unknown {
  const refuse = (): never => {
    throw new TypeError(
      `json: cannot unmarshal ${JSON.stringify(value)} into ${JSON.stringify(type)} at ${path}`,
    )
  }
  if (value === null || value === undefined) return zeroOf(type)
  if (type === 'any') return plain(value)
  if (type === 'int')
    return value instanceof GoNumber && /^-?\d+$/.test(value.source)
      ? Number(value.source)
      : refuse()
  if (type === 'time') return typeof value === 'string' && rfc3339.test(value) ? value : refuse()
  if (type === 'bool') return typeof value === 'boolean' ? value : refuse()
  if (type === 'string') return typeof value === 'string' ? value : refuse()
  if ('list' in type)
    return Array.isArray(value)
      ? value.map((item, index) => convert(type.list, item, `${path}[${index}]`))
      : refuse()
  if (!isObject(value)) return refuse()
  const fields =
    'map' in type
      ? Object.keys(value).map((name) => [name, type.map] as const)
      : Object.entries(type.struct)
  return Object.fromEntries(
    fields.map(([name, field]) => [name, convert(field, value[name], `${path}.${name}`)]),
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof GoNumber)
}

function zeroOf(type: GoType): unknown {
  if (type === 'string') return ''
  if (type === 'int') return 0
  if (type === 'bool') return false
  if (type === 'time') return '0001-01-01T00:00:00Z'
  if (type === 'any') return null
  if ('struct' in type)
    return Object.fromEntries(
      Object.entries(type.struct).map(([name, field]) => [name, zeroOf(field)]),
    )
  return 'list' in type ? [] : {}
}

function plain(value: unknown): unknown {
  if (value instanceof GoNumber) return Number(value.source)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
}
