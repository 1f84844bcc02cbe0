import type { Static, TSchema } from 'typebox'
import type { Permission } from './permissions.ts'

/** Who may call: nobody in particular, a bootstrap token, the node in the path, an operator, a local program. */
export type Auth =
  | 'none'
  | 'bootstrap'
  | 'node'
  | 'operator'
  | 'local'
  | 'local_secrets'
  | 'local_root'

/** What an operation is about: a tenant's own, or what all share, which only operators of the first tenant may touch. */
export type Scope = 'tenant' | 'installation'

/** Who may call, by the kind of the caller. */
type Caller =
  | { auth: 'operator'; permission: Permission; scope: Scope; forDeparted?: never }
  /** `forDeparted`: for a node that was removed a short while ago too. */
  | { auth: 'node'; forDeparted?: true; permission?: never; scope?: never }
  | {
      auth: Exclude<Auth, 'operator' | 'node'>
      forDeparted?: never
      permission?: never
      scope?: never
    }

/** One row of an API. Types, validation, the OpenAPI document, the client and the contract tests derive from it. */
export type Operation = Row & Caller

interface Row {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With parameters in braces, as in the seeds: `/v1/nodes/{node_id}/state`. */
  path: `/${string}`
  summary: string
  /** What stands in the path, where it is not what params.ts says for the name. */
  params?: Readonly<Record<string, TSchema>>
  query?: TSchema
  request?: TSchema
  /**
   * `batch`: a JSON array or NDJSON; `bytes`: anything, streamed; `json-stream`: JSON that the handler reads and checks
   * itself, for who must not be refused. `json` when left out.
   */
  requestKind?: 'json' | 'batch' | 'bytes' | 'json-stream'
  response?: TSchema
  /**
   * `json`: a value that the server writes as JSON; `json-text`: JSON that the handler has written itself, for what
   * would lose digits or order; `bytes`: anything, text too; `event-stream`: the handler takes the connection over;
   * `empty`: no body. `json` when left out.
   */
  responseKind?: 'json' | 'json-text' | 'event-stream' | 'bytes' | 'empty'
  /** The status of success. */
  status: number
  /** Further statuses that are no failure: 206 a part, 304 not modified. */
  otherStatuses?: readonly number[]
  /** Statuses of failure that belong to this operation; 400, 408, 413, 415, 429 and 503 may happen to any. */
  errors: readonly number[]
  /** Limit of the body after decompression; `defaultMaxBodyBytes` when left out. */
  maxBodyBytes?: number
  /** Beside the budget of a node's writes: it may always say that it lives, and that it leaves. */
  unlimited?: true
  /** How deep JSON may be nested, and how many values it may have; see json-gate.ts for the defaults. */
  maxDepth?: number
  maxValues?: number
  /** The one status for whatever passes a bound; 413 for bytes and 400 for the rest when left out. */
  gateStatus?: 400 | 413
}

export const defaultMaxBodyBytes = 1024 * 1024

/** Keeps the literal types of a row. */
export function operation<const O extends Operation>(row: O): O {
  return row
}

/** The names in braces of a path. */
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

/** Whether the answer of success is JSON, whoever writes it. */
export function answersJson({ response, responseKind = 'json' }: Operation): boolean {
  return response !== undefined && (responseKind === 'json' || responseKind === 'json-text')
}

/** The names in braces of a path, in order. */
export function paramNames(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
}

/** The path with each parameter percent-encoded in its place. */
export function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
}
