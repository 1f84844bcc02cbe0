import { ApiError, type Operation, paramsSchema, schemaFault } from '@plexd/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The schemas of a row. Each is compiled when it is first needed: compiling those of all rows was half of a start. */
export interface Schemas {
  /** Throws an ApiError (400) if the path, the parsed body or the query of a request does not fit. */
  validate(request: FastifyRequest): void
  /** The JSON text of an answer, without fields that the schema does not have; bytes stay as they are. */
  serialize(answer: unknown, reply: FastifyReply): unknown
}

const jsonType = 'application/json; charset=utf-8'

export function schemasOf(operation: Operation): Schemas {
  const { request: body, requestKind = 'json', response, responseKind = 'json' } = operation
  const parts: readonly [Part, Json | undefined][] = [
    ['params', asJson(paramsSchema(operation))],
    ['body', asJson(requestKind === 'json' ? body : undefined)],
    ['query', asJson(operation.query)],
  ]
  const answered = responseKind === 'json' ? asJson(response) : undefined
  return {
    validate(request) {
      for (const [part, schema] of parts) if (schema) validatePart(request, part, schema)
    },
    serialize(answer, reply) {
      if (!answered || answer === undefined || answer instanceof Uint8Array) return answer
      if (reply.statusCode !== operation.status) return answer
      reply.type(jsonType)
      return reply.compileSerializationSchema(answered)(answer as Json)
    },
  }
}

/** Schemas and values in the form that Fastify takes. */
type Json = { [keyword: string]: unknown }
type Part = 'params' | 'body' | 'query'

function asJson(schema: object | undefined): Json | undefined {
  return schema as Json | undefined // a schema of TypeBox is plain JSON
}

/** The subjects of error messages. */
const subjects = { params: 'path', body: 'request body', query: 'query' } as const

function validatePart(request: FastifyRequest, part: Part, schema: Json): void {
  const isValid = request.compileValidationSchema(schema)
  // Any value: whether it is an object is found out here.
  if (isValid(request[part] as Json)) return
  throw new ApiError('bad_request', schemaFault(isValid.errors ?? [], { whole: subjects[part] }))
}
