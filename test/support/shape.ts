import assert from 'node:assert/strict'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'

/** Fails when a value does not fit its schema, or has a field that the schema does not name. */
export function assertShape(schema: TSchema, value: unknown): void {
  const validator = Compile(schema)
  const errors = validator
    .Errors(value)
    .map(({ instancePath, message }) => `${instancePath} ${message}`)
  assert.deepEqual(errors, [], `in ${JSON.stringify(value).slice(0, 500)}`)
  assert.deepEqual(
    Value.Clean(schema, structuredClone(value)),
    value,
    'a field is not in the schema',
  )
}

/** The paths of all fields in a JSON value, `[]` for the items of a list: what two bodies of one shape share. */
export function fieldsOf(value: unknown, prefix = ''): Set<string> {
  if (Array.isArray(value))
    return value.reduce(
      (all: Set<string>, item) => all.union(fieldsOf(item, `${prefix}[]`)),
      new Set(),
    )
  if (typeof value !== 'object' || value === null) return new Set()
  const fields = Object.entries(value).map(([name, item]) => {
    const path = `${prefix}.${name}`
    return new Set([path]).union(fieldsOf(item, path))
  })
  return fields.reduce((all, some) => all.union(some), new Set<string>())
}
