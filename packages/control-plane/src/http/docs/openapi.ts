import { answersJson, codeOf, type Operation, paramNames, paramSchema } from '@plexd/protocol'
import type { TSchema } from 'typebox'

/** JSON as it stands in the document. */
export type Json = { [key: string]: unknown }

export interface OpenApiDocument {
  openapi: '3.1.0'
  servers: readonly { url: string }[]
  info: { title: string; version: string; description: string }
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, OpenApiOperation>>
  components: {
    schemas: Record<string, Json>
    responses: Record<string, Json>
    securitySchemes: Json
  }
}

export interface OpenApiOperation {
  operationId: string
  tags: string[]
  summary: string
  security: Json[]
  parameters: { name: string; in: string; required: boolean; schema: Json }[]
  requestBody?: { required: true; content: Record<string, { schema: Json }> }
  responses: Record<string, Json>
}

export interface OpenApiSource {
  version: string
  /** Where it is served. */
  url: string
  apis: readonly { name: string; description: string; operations: Record<string, Operation> }[]
  /** Named schemas; the document refers to them wherever they occur. */
  schemas: Readonly<Record<string, TSchema>>
}

/** The OpenAPI 3.1 document of some tables. Pure and deterministic. */
export function openApiDocument({ version, url, apis, schemas }: OpenApiSource): OpenApiDocument {
  const named = createNames(schemas)
  const paths: OpenApiDocument['paths'] = {}
  for (const api of apis)
    for (const [id, operation] of Object.entries(api.operations)) {
      paths[operation.path] ??= {}
      Object.assign(paths[operation.path] ?? {}, {
        [operation.method.toLowerCase()]: describe(id, api.name, operation, named.refer),
      })
    }
  return {
    openapi: '3.1.0',
    info: { title: 'plexd control plane', version, description: 'Generated from the API tables.' },
    servers: [{ url }],
    tags: apis.map(({ name, description }) => ({ name, description })),
    paths,
    components: {
      schemas: named.used(),
      responses: Object.fromEntries(
        errorStatuses.map((status) => [nameOf(status), errorResponse(status)]),
      ),
      securitySchemes,
    },
  }
}

function describe(
  id: string,
  tag: string,
  operation: Operation,
  refer: (schema: TSchema) => Json,
): OpenApiOperation {
  const body = requestBody(operation, refer)
  return {
    operationId: id,
    tags: [tag],
    summary: operation.summary,
    security: securityOf(operation),
    parameters: [
      ...paramNames(operation.path).map((name) =>
        parameter(name, 'path', true, refer(paramSchema(name, operation))),
      ),
      ...queryParameters(operation.query, refer),
    ],
    ...(body ? { requestBody: { required: true, content: body } } : {}),
    responses: responsesOf(operation, refer),
  }
}

function queryParameters(query: TSchema | undefined, refer: (schema: TSchema) => Json) {
  const { properties = {}, required = [] } = (query ?? {}) as {
    properties?: Record<string, TSchema>
    required?: string[]
  } // a query is an object schema
  return Object.entries(properties).map(([name, schema]) =>
    parameter(name, 'query', required.includes(name), refer(schema)),
  )
}

function parameter(name: string, place: 'path' | 'query', required: boolean, schema: Json) {
  return { name, in: place, required, schema }
}

function requestBody(
  { request, requestKind = 'json' }: Operation,
  refer: (schema: TSchema) => Json,
): Record<string, { schema: Json }> | undefined {
  if (requestKind === 'bytes') return { 'application/octet-stream': { schema: {} } }
  if (requestKind === 'batch')
    return {
      'application/json': { schema: { type: 'array', items: { type: 'object' } } },
      'application/x-ndjson': { schema: { type: 'string' } },
    }
  return request ? { 'application/json': { schema: refer(request) } } : undefined
}

function responsesOf(operation: Operation, refer: (schema: TSchema) => Json): Record<string, Json> {
  const hasBody = operation.request !== undefined || operation.requestKind !== undefined
  const errors = [...operation.errors, ...(hasBody ? [400, 413, 415] : []), 503]
  const responses = [
    [operation.status, { description: 'Success', ...content(operation, refer) }] as const,
    ...(operation.otherStatuses ?? []).map(
      (status) => [status, { description: words[status] }] as const,
    ),
    ...new Set(errors)
      .values()
      .map((status) => [status, { $ref: `#/components/responses/${nameOf(status)}` }] as const),
  ]
  return Object.fromEntries(responses.map(([status, response]) => [String(status), response]))
}

function content(operation: Operation, refer: (schema: TSchema) => Json): Json {
  const { response, responseKind = 'json' } = operation
  if (responseKind === 'empty' || responseKind === 'websocket') return {}
  const type = {
    json: 'application/json',
    'json-text': 'application/json',
    'event-stream': 'text/event-stream',
    bytes: 'application/octet-stream',
  }[responseKind]
  return {
    content: { [type]: { schema: response && answersJson(operation) ? refer(response) : {} } },
  }
}

const words: Record<number, string> = {
  206: 'The part that Range asks for',
  304: 'Not modified since the ETag in If-None-Match',
  400: 'The request does not fit',
  401: 'No token, or one that nobody has',
  403: 'The token may not do this',
  404: 'There is no such thing',
  409: 'It conflicts with what is there',
  413: 'The body is too large',
  415: 'The encoding or type of the body is not supported',
  416: 'The range lies behind the end',
  426: 'Only a WebSocket is answered here',
  429: 'Too many requests; Retry-After says when to go on',
  503: 'The control plane is starting, stopping or cannot serve now',
}
const errorStatuses = [400, 401, 403, 404, 409, 413, 415, 416, 426, 429, 503]

function nameOf(status: number): string {
  return status === 416 ? 'range_not_satisfiable' : codeOf(status)
}

function errorResponse(status: number): Json {
  const schema = {
    type: 'object',
    required: ['error', 'code'],
    properties: { error: { type: 'string' }, code: { type: 'string' } },
  }
  return { description: words[status], content: { 'application/json': { schema } } }
}

const securitySchemes = {
  node_token: {
    type: 'http',
    scheme: 'bearer',
    description:
      'The `node_token` of the registration answer; the node secret key is accepted too.',
  },
  admin_token: {
    type: 'http',
    scheme: 'bearer',
    description:
      'A token of an operator. Role `viewer` may read, role `owner` may change things too.',
  },
}

/** Registration needs no credentials: its token is in the body. */
function securityOf({ auth, permission }: Operation): Json[] {
  if (auth === 'node') return [{ node_token: [] }]
  if (auth === 'operator') return [{ admin_token: [permission] }]
  return []
}

/** Finds named schemas by their content, because combining schemas copies them. */
function createNames(schemas: Readonly<Record<string, TSchema>>) {
  const names = new Map<string, string>()
  for (const [name, schema] of Object.entries(schemas)) {
    const text = JSON.stringify(schema)
    if (!names.has(text)) names.set(text, name)
  }
  const used: Record<string, Json> = {}

  function inside(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(refer)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, refer(item)]))
  }

  function refer(value: unknown): unknown {
    const name =
      typeof value === 'object' && value !== null ? names.get(JSON.stringify(value)) : undefined
    if (name === undefined) return inside(value)
    if (!(name in used)) {
      used[name] = {} // first, should a schema contain itself
      used[name] = inside(value) as Json // a schema is an object
    }
    return { $ref: `#/components/schemas/${name}` }
  }

  return {
    refer: (schema: TSchema) => refer(JSON.parse(JSON.stringify(schema))) as Json, // a schema is an object
    used: () => Object.fromEntries(Object.entries(used).sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}
