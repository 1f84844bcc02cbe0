import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isCovered, revisionAfter } from './revision.ts'

describe('isCovered', () => {
  it('compares numbers within one epoch', () => {
    assert.equal(isCovered('a1-9', 'a1-10'), true)
    assert.equal(isCovered('a1-10', 'a1-10'), true)
    assert.equal(isCovered('a1-11', 'a1-10'), false)
  })

  it('never covers across epochs or unknown forms', () => {
    assert.equal(isCovered('a1-1', 'b2-10'), false)
    assert.equal(isCovered('', 'a1-10'), false)
    assert.equal(isCovered('a1-1', ''), false)
    assert.equal(isCovered('evt_1', 'W/xyz'), false)
  })
})

describe('revisionAfter', () => {
  it('is the id of the event when both belong to one log', () => {
    assert.equal(revisionAfter('a1-10', 'a1-12'), 'a1-12')
  })

  it('is empty when nobody can tell what lies between', () => {
    assert.equal(revisionAfter('', 'a1-12'), '')
    assert.equal(revisionAfter('a1-10', 'b2-1'), '')
    assert.equal(revisionAfter('a1-10', ''), '')
  })
})
