import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'

/** Throws unless the value is a bill of materials by the schema of CycloneDX 1.6. */
export function checkBill(bill: unknown): void {
  const ajv = new Ajv({ strict: false, allErrors: true })
  formats.default(ajv)
  // Formats of a later draft, which none of our values has.
  ajv.addFormat('idn-email', true).addFormat('iri-reference', true)
  for (const name of ['spdx', 'jsf-0.82'])
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`)
  const check = ajv.compile(schema('bom-1.6'))
  check(bill)
  assert.deepEqual(check.errors, null)
}

/** The library has the schemas of the specification, without any way to ask for one. */
function schema(name: string): object {
  const library = createRequire(import.meta.url).resolve(
    '@cyclonedx/cyclonedx-library/package.json',
  )
  const file = join(dirname(library), 'res/schema', `${name}.SNAPSHOT.schema.json`)
  return JSON.parse(readFileSync(file, 'utf8'))
}
