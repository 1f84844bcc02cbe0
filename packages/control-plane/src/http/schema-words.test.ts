import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adminApi, type Operation, paramNames, paramSchema } from '@plexd/protocol'
import { startControlPlane } from '../testing/harness.ts'

/** The part of JSON Schema that rows are made of. */
interface Schema {
  type?: string
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  additionalProperties?: boolean
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  enum?: unknown[]
  pattern?: string
  examples?: unknown[]
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  minimum?: number
  maximum?: number
}

/** A value with all its properties that the schema takes. */
function sample(schema: Schema): unknown {
  if (schema.examples) return schema.examples[0]
  if (schema.enum) return schema.enum[0]
  if (schema.properties)
    return Object.fromEntries(
      Object.entries(schema.properties).map(([name, part]) => [name, sample(part)]),
    )
  if (schema.type === 'array') return [sample(schema.items ?? {})]
  if (schema.type === 'object')
    return { k: sample(Object.values(schema.patternProperties ?? {})[0] ?? {}) }
  if (schema.type === 'integer') return schema.minimum ?? 0
  return 'x'.repeat(schema.minLength ?? 1)
}

interface Violation {
  keyword: string
  value: unknown
}

/** Values that each break one keyword of a schema, or of one below it. */
function* violations(schema: Schema): Iterable<Violation> {
  const whole = sample(schema)
  if (schema.type) yield { keyword: 'type', value: schema.type === 'array' ? 'x' : [1] }
  if (schema.enum) yield { keyword: 'enum', value: 'nobody' }
  if (schema.minLength) yield { keyword: 'minLength', value: '' }
  if (schema.maxLength) yield { keyword: 'maxLength', value: 'k'.repeat(schema.maxLength + 1) }
  if (schema.pattern) yield { keyword: 'pattern', value: '\u0007' }
  if (schema.minItems) yield { keyword: 'minItems', value: [] }
  if (schema.maxItems)
    yield {
      keyword: 'maxItems',
      value: Array(schema.maxItems + 1).fill(sample(schema.items ?? {})),
    }
  if (schema.minimum !== undefined) yield { keyword: 'minimum', value: schema.minimum - 1 }
  if (schema.maximum !== undefined) yield { keyword: 'maximum', value: schema.maximum + 1 }
  if (schema.additionalProperties === false)
    yield { keyword: 'additionalProperties', value: { ...(whole as object), 'no such': 1 } }
  for (const name of schema.required ?? []) {
    const { [name]: _, ...rest } = whole as Record<string, unknown>
    yield { keyword: 'required', value: rest }
  }
  const parts = {
    ...schema.properties,
    ...(schema.patternProperties && { 'a/~"b': Object.values(schema.patternProperties)[0] ?? {} }),
  }
  for (const [name, part] of Object.entries(parts))
    for (const { keyword, value } of violations(part))
      yield { keyword, value: { ...(whole as object), [name]: value } }
  if (schema.items)
    for (const { keyword, value } of violations(schema.items)) yield { keyword, value: [value] }
}

interface Request {
  keyword: string
  path: string
  body?: unknown
}

/** A path that fits, with other parameters or another query in it. */
function pathOf(row: Operation, given: Record<string, string> = {}, query = ''): string {
  const path = row.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(given[name] ?? String(sample(paramSchema(name, row) as Schema))),
  )
  return path + query
}

function* badRequests(row: Operation): Iterable<Request> {
  const body = row.request && sample(row.request as Schema)
  // No path has a list in it; and an empty part of one is another path.
  for (const name of paramNames(row.path))
    for (const { keyword, value } of violations(paramSchema(name, row) as Schema))
      if (typeof value === 'string' && value !== '')
        yield { keyword, path: pathOf(row, { [name]: value }), body }
  for (const [name, part] of Object.entries((row.query as Schema | undefined)?.properties ?? {}))
    for (const { keyword, value } of violations(part))
      if (typeof value === 'string')
        yield { keyword, path: pathOf(row, {}, `?${name}=${encodeURIComponent(value)}`), body }
  if (row.request && row.requestKind !== 'bytes')
    for (const { keyword, value } of violations(row.request as Schema))
      yield { keyword, path: pathOf(row), body: value }
}

const words = /: want \S|: send it along$|: leave it out$/
const schemaWords =
  /must NOT|must be|must have|must match|params\/|querystring|body\/|\/properties|#\//

describe('what a row refuses', () => {
  it('is told in our words, whatever keyword of whichever operation it breaks', async () => {
    await using plane = await startControlPlane()
    const broken = new Set<string>()
    for (const row of Object.values(adminApi) as Operation[])
      for (const { keyword, path, body } of badRequests(row)) {
        const answer = await fetch(plane.url + path, {
          method: row.method,
          headers: {
            authorization: `Bearer ${plane.adminToken}`,
            'content-type': 'application/json',
          },
          ...(body === undefined || row.method === 'GET' ? {} : { body: JSON.stringify(body) }),
        })
        const { error } = (await answer.json()) as { error: string } // every failure has it
        const what = `${row.method} ${path.slice(0, 100)} (${keyword}): ${error}`
        assert.equal(answer.status, 400, what)
        assert.match(error, words, what)
        assert.doesNotMatch(error, schemaWords, what)
        assert.ok(error.length < 400, what)
        broken.add(keyword)
      }
    assert.deepEqual([...broken].sort(), [
      'additionalProperties',
      'enum',
      'maxItems',
      'maxLength',
      'maximum',
      'minItems',
      'minLength',
      'minimum',
      'pattern',
      'required',
      'type',
    ])
  })

  it('has no value of a secret in it', async () => {
    await using plane = await startControlPlane()
    const value = 'hunter2'.repeat(40_000)
    const body = { target: { selector: '*' }, value }
    await assert.rejects(plane.admin.putSecret({ params: { key: 'k' }, body }), (error: Error) => {
      assert.equal(error.message, 'value: it has 280000: want 262144 characters or fewer')
      return true
    })
  })
})
