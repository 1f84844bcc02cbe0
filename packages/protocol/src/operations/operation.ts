import type { Static, TSchema } from 'typebox'
import type { Permission } from './permissions.ts'

/** Who may call: anyone, the holder of a bootstrap token, the node in the path, an operator, a local program. */
export type Auth =
  | 'none'
  | 'bootstrap'
  | 'node'
  | 'operator'
  | 'local'
  | 'local_secrets'
  | 'local_root'

/** What an operation affects: the tenant's own things, or what all tenants share, which only operators of the first tenant may change. */
export type Scope = 'tenant' | 'installation'

/** Who may call, by kind of caller. */
type Caller =
  | {
      auth: 'operator'
      permission: Permission
      /** Those that some of its requests need beside it; the handler looks at them. */
      furtherPermissions?: readonly Permission[]
      scope: Scope
      forDeparted?: never
    }
  /** `forDeparted`: also allowed for a recently removed node. */
  | {
      auth: 'node'
      forDeparted?: true
      permission?: never
      furtherPermissions?: never
      scope?: never
    }
  | {
      auth: Exclude<Auth, 'operator' | 'node'>
      forDeparted?: never
      permission?: never
      furtherPermissions?: never
      scope?: never
    }

/** One row of an API. Types, validation, the OpenAPI document, the client and the contract tests derive from it. */
export type Operation = Row & Caller

interface Row {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With parameters in braces, as in the specification: `/v1/nodes/{node_id}/state`. */
  path: `/${string}`
  summary: string
  /** Schemas of path parameters that differ from params.ts. */
  params?: Readonly<Record<string, TSchema>>
  query?: TSchema
  request?: TSchema
  /**
   * `batch`: a JSON array or NDJSON; `bytes`: anything, streamed; `json-stream`: JSON that the handler reads and validates
   * itself, for requests that must never be refused. Default `json`.
   */
  requestKind?: 'json' | 'batch' | 'bytes' | 'json-stream'
  response?: TSchema
  /**
   * `json`: a value that the server serialises; `json-text`: JSON that the handler has serialised itself, where parsing
   * would lose digits or order; `bytes`: anything, including text; `event-stream`: the handler takes over the connection;
   * `websocket`: so it does, after the 101 of RFC 6455; `empty`: no body. Default `json`.
   */
  responseKind?: 'json' | 'json-text' | 'event-stream' | 'websocket' | 'bytes' | 'empty'
  /** The status of success. */
  status: number
  /** Further statuses that are not failures: 206 partial content, 304 not modified. */
  otherStatuses?: readonly number[]
  /** Failure statuses specific to this operation and its callers; every operation may answer 400, 408, 413, 415, 429 and 503. */
  errors: readonly number[]
  /** Limit of the body after decompression; `defaultMaxBodyBytes` when left out. */
  maxBodyBytes?: number
  /** Not counted against the node's write budget: a node may always send heartbeats and deregister. */
  unlimited?: true
  /** The maximum nesting and number of values of the JSON; see body-bounds.ts for the defaults. */
  maxDepth?: number
  maxValues?: number
  /** The status for any exceeded bound; by default 413 for bytes and 400 for the others. */
  gateStatus?: 400 | 413
}

export const defaultMaxBodyBytes = 1024 * 1024

type Given = Omit<Row, keyof Completed> & Partial<Completed> & Caller
type Completed = Pick<Row, 'status' | 'errors'>

/** A row with the literal types it was written with. Success is 200 unless given; the refusals of callers join the errors. */
export function operation<const O extends Given>(row: O): Omit<O, keyof Completed> & Completed {
  const { status = 200, errors = [] }: Partial<Completed> = row
  const all = new Set([...refusalsOf(row), ...errors])
  return { ...row, status, errors: [...all].sort((a, b) => a - b) }
}

/** The statuses with which callers are refused, whatever they ask for: see access.ts. */
function refusalsOf({ auth, permission, path }: Given): readonly number[] {
  if (auth === 'none') return []
  if (auth === 'node') return path.includes('{node_id}') ? [401, 403, 404] : [401]
  const isForAll =
    auth === 'operator' ? permission.endsWith('.read') : /^(local|bootstrap)$/.test(auth)
  return isForAll ? [401] : [401, 403]
}

/** The parameter names of a path. */
export type ParamName<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamName<Rest>
  : never

export type ParamsOf<O extends Operation> = { [Name in ParamName<O['path']>]: string }
export type QueryOf<O extends Operation> = O extends { query: infer S extends TSchema }
  ? Static<S>
  : Record<never, never>
export type RequestOf<O extends Operation> = O extends { request: infer S extends TSchema }
  ? Static<S>
  : undefined
export type ResponseOf<O extends Operation> = O extends { response: infer S extends TSchema }
  ? Static<S>
  : undefined

/** Whether a successful answer is JSON, whoever serialises it. */
export function answersJson({ response, responseKind = 'json' }: Operation): boolean {
  return response !== undefined && (responseKind === 'json' || responseKind === 'json-text')
}

/** The parameter names of a path, in order. */
export function paramNames(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
}

/** The path with its parameters filled in, percent-encoded. */
export function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
}
