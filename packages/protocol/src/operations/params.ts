import { type TSchema, Type } from 'typebox'
import { EntryKey, NodeId } from '../schemas/scalars.ts'
import { type Operation, paramNames } from './operation.ts'

const Id = Type.String({ minLength: 1, maxLength: 128 })

/** The schema of a path parameter by name; the same in all tables. */
const pathParams: Readonly<Record<string, TSchema>> = {
  node_id: NodeId,
  /** An id or a hostname. */
  node: Type.String({ minLength: 1, maxLength: 253 }),
  key: EntryKey,
  /** Of a policy. */
  name: Type.String({ minLength: 1, maxLength: 512 }),
  /** A CIDR of the mesh. */
  range: Type.String({ minLength: 1, maxLength: 64 }),
  kind: Type.String({ minLength: 1, maxLength: 64 }),
  execution_id: Id,
  run_id: Id,
  /** The name of one. */
  schedule: Type.String({ minLength: 1, maxLength: 512 }),
  /** As its node names it. */
  session_id: Type.String({ minLength: 1, maxLength: 512 }),
  /** The id of one. */
  session: Id,
  /** The index of one in a recording. */
  chunk: Type.String({ maxLength: 9, pattern: '^(0|[1-9][0-9]{0,8})$', examples: ['0'] }),
  token_id: Id,
  /** The name of one. */
  alert_rule: Id,
  alert_silence: Id,
  /** The name of one. */
  alert_webhook: Id,
  version: Id,
  os: Id,
  arch: Id,
  /** SHA-256 in hex, with or without `sha256:`. */
  checksum: Id,
  file: Type.String({ minLength: 1, maxLength: 512 }),
}

/** The schema of all path parameters of a row; undefined if it has none. */
export function paramsSchema(row: Pick<Operation, 'path' | 'params'>): TSchema | undefined {
  const names = paramNames(row.path)
  if (names.length === 0) return undefined
  return Type.Object(Object.fromEntries(names.map((name) => [name, paramSchema(name, row)])))
}

/** Throws for a name that neither the row nor the table knows. */
export function paramSchema(name: string, { params }: Pick<Operation, 'params'>): TSchema {
  const schema = params?.[name] ?? pathParams[name]
  if (!schema)
    throw new Error(`find schema of path parameter "${name}": it has no row in params.ts`)
  return schema
}
