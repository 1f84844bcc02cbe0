import { ApiError, duplicateKey, type SchemaError, schemaFault } from '@plexd/protocol'

/** Members whose value is stored as raw text, without being interpreted. */
const opaque: ReadonlySet<string> = new Set(['payload'])

/**
 * Parses a body that has passed the gate. Throws an ApiError (400) for invalid JSON, and for a key that occurs twice in
 * one object: it is unclear which of the two was meant.
 */
export function parseJson(text: string): unknown {
  const value = parse(text)
  const key = duplicateKey(text, opaque)
  if (key === undefined) return value
  throw new ApiError(
    'bad_request',
    `body has ${JSON.stringify(key.slice(0, 64))} twice in one object: send each key once`,
  )
}

/** The same with validation, for handlers that read the body themselves; 400 for an invalid value as well. */
export function parseChecked<Value>(checker: Checker<Value>, text: string): Value {
  const value = parseJson(text)
  if (checker.Check(value)) return value
  throw new ApiError(
    'bad_request',
    schemaFault(checker.Errors(value), { whole: 'request body', value }),
  )
}

/** The interface of a compiled schema. */
interface Checker<Value> {
  Check(value: unknown): value is Value
  Errors(value: unknown): SchemaError[]
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ApiError('bad_request', 'invalid JSON body', { cause })
  }
}
