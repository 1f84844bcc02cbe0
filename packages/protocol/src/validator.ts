import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'

/**
 * A schema as code, made when it is first asked for. That takes some milliseconds; then a large value is checked in a
 * twentieth of the time that walking the schema takes.
 */
export function validatorOf<S extends TSchema>(
  schema: S,
): () => Validator<Record<never, never>, S> {
  let made: Validator<Record<never, never>, S> | undefined
  return () => (made ??= Compile(schema))
}
