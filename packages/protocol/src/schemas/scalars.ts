import { type Static, type TObjectOptions, type TSchema, type TSchemaOptions, Type } from 'typebox'
import { wantKeyword } from './schema-fault.ts'

/** The small types that the nouns are composed of. */

/** RFC 3339 with any zone; Go nodes send nanoseconds and their local zone. */
export const Timestamp = Type.String({ format: 'date-time', examples: ['2025-01-15T10:30:00Z'] })

/** 32 bytes in standard base64: 44 characters, the last of them `=`. */
export const Key32 = Type.String({
  pattern: '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$',
  [wantKeyword]: '32 bytes in standard base64',
  description: '32 bytes in standard base64',
})

export const NodeId = Type.String({ minLength: 1, maxLength: 128, examples: ['n_abc123'] })

/** `host:port` as WireGuard writes it, or the empty string while unknown. */
export const Endpoint = Type.String({ maxLength: 300, examples: ['203.0.113.10:51820'] })

export const MeshIp = Type.String({ format: 'ipv4', examples: ['10.100.1.2'] })

export const Ipv4Cidr = Type.String({ examples: ['10.100.1.2/32'] })

/** All ranges of a mesh, oldest first. Allows more than a tenant may have today, because that limit may grow. */
export const MeshRanges = Type.Array(Ipv4Cidr, {
  maxItems: 64,
  description: 'All addresses of the mesh; new nodes take theirs from the last',
})

/** Key of a data entry, a secret or a report entry; slashes are part of it and travel as `%2F`. */
export const EntryKey = Type.String({ minLength: 1, maxLength: 512, examples: ['tls/server.key'] })

/** Excludes characters that control a terminal, are invisible, or make two texts look alike: see printable.ts of `runtime`. */
const visible = {
  pattern: '^[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}]*$',
  [wantKeyword]: 'no line breaks, no control characters and none that cannot be seen in it',
}

/** A key that an operator writes. Keys of older versions and of nodes may contain anything. */
export const NewEntryKey = Type.String({ ...visible, minLength: 1, maxLength: 512 })

/** A display name that an operator gives to something. */
export const GivenName = Type.String({ ...visible, minLength: 1, maxLength: 128 })

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"

/** RFC 9110, section 8.3.1: a type and a subtype, with parameters or without. */
export const MediaType = Type.String({
  pattern: `^${token}/${token}([ \\t]*;[ \\t]*${token}=(${token}|"([^"\\\\\\p{Cc}]|\\\\[^\\p{Cc}])*"))*$`,
  [wantKeyword]: 'a media type, such as application/json or "text/plain; charset=utf-8"',
  maxLength: 256,
  examples: ['application/json'],
})

/** An integer that JavaScript and the database represent exactly. */
export const WholeNumber = Type.Integer({
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
})

/** A non-negative count. */
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** An object with any keys. TypeBox's pattern for a plain string excludes keys with a line break. */
export function mapOf<Value extends TSchema>(value: Value, options: TObjectOptions = {}) {
  return Type.Record(Type.String({ pattern: '^[\\s\\S]*$' }), value, options)
}

export const Metadata = mapOf(Type.String(), {
  description: 'Names and values of a node: its labels, and what it reports',
  examples: [{ environment: 'production', region: 'eu-west-1' }],
})
export type Metadata = Static<typeof Metadata>

/** A value or `null`. */
export function nullable<Value extends Parameters<typeof Type.Array>[0]>(
  value: Value,
  options: TSchemaOptions = {},
) {
  return Type.Union([value, Type.Null()], options)
}

/** Go's encoder writes an empty list as `null`. */
export function nullableArray<Item extends Parameters<typeof Type.Array>[0]>(item: Item) {
  return nullable(Type.Array(item))
}

export const NatType = Type.Enum([
  'none',
  'full_cone',
  'restricted',
  'port_restricted',
  'symmetric',
  'unknown',
])
export type NatType = Static<typeof NatType>

/** Of a kind that a newer node has found out, and this version has no word for, nothing is known here. */
export function knownNatType(said: string): NatType {
  return NatType.enum.find((known) => known === said) ?? 'unknown'
}
