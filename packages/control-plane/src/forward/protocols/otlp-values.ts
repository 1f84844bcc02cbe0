import type { Origin } from './outgoing.ts'

/** An attribute in the JSON of OTLP (opentelemetry-proto, common.proto). */
export interface Attribute {
  key: string
  value: { stringValue: string }
}

/** Those that are undefined or empty are left out. */
export function attributesOf(values: Readonly<Record<string, string | undefined>>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [{ key, value: { stringValue: value } }],
  )
}

/** The attributes of a program on a node, by the semantic conventions for resources. */
export function resourceOf(origin: Origin, service: string): { attributes: Attribute[] } {
  return {
    attributes: attributesOf({
      'service.name': service,
      'service.instance.id': origin.node_id,
      'host.name': origin.hostname,
      'host.id': origin.node_id,
      'plexd.tenant': origin.tenant,
    }),
  }
}

/** AnyValue of any JSON: 64-bit integers are texts, and a value that is null is one without a member. */
export function anyValueOf(value: unknown): object {
  switch (typeof value) {
    case 'string':
      return { stringValue: value }
    case 'boolean':
      return { boolValue: value }
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
    default:
      return compositeOf(value)
  }
}

function compositeOf(value: unknown): object {
  if (typeof value !== 'object' || value === null) return {}
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValueOf) } }
  const values = Object.entries(value).map(([key, one]) => ({ key, value: anyValueOf(one) }))
  return { kvlistValue: { values } }
}
