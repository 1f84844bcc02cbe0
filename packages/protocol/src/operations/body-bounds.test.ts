import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { boundRefusal } from './body-bounds.ts'
import { operation } from './operation.ts'

describe('boundRefusal', () => {
  const row = operation({
    method: 'POST',
    path: '/',
    auth: 'none',
    summary: '',
    status: 200,
    errors: [],
  })

  it('says the bound, with the status of the row', () => {
    const { status, message } = boundRefusal(row, 'depth')
    assert.deepEqual(
      [status, message],
      [400, 'request body is nested deeper than 64: make it flatter'],
    )
    assert.match(boundRefusal(row, 'depth', 'key "a/b"').message, /^key "a\/b": request body is/)
    assert.equal(boundRefusal(row, 'bytes').status, 413)
    assert.equal(boundRefusal({ ...row, gateStatus: 413 }, 'values').status, 413)
    assert.equal(boundRefusal({ ...row, gateStatus: 400 }, 'bytes').status, 400)
  })
})
