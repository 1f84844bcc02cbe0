import {
  ApiError,
  boundRefusal,
  jsonBoundsOf,
  type Operation,
  passedBound,
  schemaFault,
} from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import type { Static, TSchema } from 'typebox'
import type { Validator } from 'typebox/compile'

/** The body of a request as its schema says. Throws an ApiError with the status of its row, and what is wrong with it. */
export function readBody<Schema extends TSchema>(
  operation: Operation,
  schema: Validator<Record<never, never>, Schema>,
  body: Buffer | undefined,
): Static<Schema> {
  const passed = body === undefined ? 'bytes' : passedBound(body, jsonBoundsOf(operation))
  if (body === undefined || passed) throw boundRefusal(operation, passed ?? 'bytes')
  const value = parse(body)
  if (schema.Check(value)) return value
  throw new ApiError(
    'bad_request',
    schemaFault(schema.Errors(value), { whole: 'request body', value, schema: schema.Type() }),
  )
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new ApiError('bad_request', `request body is no JSON: ${describeError(error)}`)
  }
}
