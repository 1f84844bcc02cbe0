import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { renderReference } from '../scripts/reference/render.ts'

describe('docs/reference', () => {
  for (const [name, text] of renderReference()) {
    it(`${name} says what the tables say (./run docs writes it)`, async () => {
      assert.equal(
        await readFile(join(import.meta.dirname, '../docs/reference', name), 'utf8'),
        text,
      )
    })
  }
})
