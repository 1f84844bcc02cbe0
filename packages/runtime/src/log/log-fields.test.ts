import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { boundFields } from './log-fields.ts'

describe('boundFields', () => {
  it('leaves what is short as it is', () => {
    const fields = { node_id: 'n_web', count: 3, list: ['a', null], none: undefined }
    assert.deepEqual(boundFields(fields), fields)
  })

  it('cuts a long text and says how long it was', () => {
    const { path } = boundFields({ path: 'x'.repeat(42_000_000) })
    assert.equal(path, `${'x'.repeat(1_024)}… (42000000 characters)`)
  })

  it('makes a short line of whatever is in the fields', () => {
    const wide = Array.from({ length: 1_000 }, () => Array(1_000).fill('y'.repeat(2_000)))
    const text = JSON.stringify(boundFields({ wide, ['k'.repeat(99_999)]: wide }))
    assert.ok(text.length < 16_384, String(text.length))
  })
})
