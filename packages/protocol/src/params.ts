import { type TSchema, Type } from 'typebox'
import { paramNames } from './operation.ts'
import { EntryKey, NodeId } from './scalars.ts'

const Id = Type.String({ minLength: 1, maxLength: 128 })

/** What a name in braces of a path stands for: the same noun in all tables, so the same schema. */
export const pathParams: Readonly<Record<string, TSchema>> = {
  node_id: NodeId,
  /** An id or a hostname. */
  node: Type.String({ minLength: 1, maxLength: 253 }),
  key: EntryKey,
  /** Of a policy. */
  name: Type.String({ minLength: 1, maxLength: 512 }),
  kind: Type.String({ minLength: 1, maxLength: 64 }),
  execution_id: Id,
  session_id: Type.String({ minLength: 1, maxLength: 512 }),
  token_id: Id,
  version: Id,
  os: Id,
  arch: Id,
  file: Type.String({ minLength: 1, maxLength: 512 }),
}

/** The schema of all parameters of a path; undefined when it has none. */
export function paramsSchema(path: string): TSchema | undefined {
  const names = paramNames(path)
  if (names.length === 0) return undefined
  return Type.Object(Object.fromEntries(names.map((name) => [name, paramSchema(name)])))
}

/** Throws for a name that the table does not have. */
export function paramSchema(name: string): TSchema {
  const schema = pathParams[name]
  if (!schema)
    throw new Error(`find schema of path parameter "${name}": it has no row in params.ts`)
  return schema
}
