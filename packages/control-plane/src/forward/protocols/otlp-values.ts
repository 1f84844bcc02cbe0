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
