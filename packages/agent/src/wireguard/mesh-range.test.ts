import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { guessMeshRange } from './mesh-range.ts'

describe('guessMeshRange', () => {
  it('takes the usual range for an address in it', () => {
    assert.equal(guessMeshRange('10.100.7.1'), '10.100.0.0/16')
  })

  it('takes as large a range around any other address', () => {
    assert.equal(guessMeshRange('172.20.3.4'), '172.20.0.0/16')
  })
})
