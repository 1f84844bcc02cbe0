import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isBefore, isCovered, revisionAfter } from './revision.ts'

describe('isCovered', () => {
  it('compares numbers within one epoch', () => {
    assert.equal(isCovered('a1-9', 'a1-10'), true)
    assert.equal(isCovered('a1-10', 'a1-10'), true)
    assert.equal(isCovered('a1-11', 'a1-10'), false)
  })

  it('compares across a restart of the control plane only if the state is part of its history', () => {
    assert.equal(isCovered('a1-9-x', 'a1-10-y'), true)
    assert.equal(isCovered('a1-11-y-c', 'a1-10-x'), false)
  })

  it('never covers across epochs or unknown forms', () => {
    assert.equal(isCovered('a1-1', 'b2-10'), false)
    assert.equal(isCovered('', 'a1-10'), false)
    assert.equal(isCovered('a1-1', ''), false)
    assert.equal(isCovered('evt_1', 'W/xyz'), false)
  })
})

describe('isBefore', () => {
  it('compares numbers only within one run of the control plane, because a restored backup counts from an older number', () => {
    assert.equal(isBefore('a1-9-x', 'a1-10-x'), true)
    assert.equal(isBefore('a1-10-x', 'a1-10-x-c'), false)
    assert.equal(isBefore('a1-9-y', 'a1-10-x'), false)
    assert.equal(isBefore('a1-9', 'b2-10'), false)
    assert.equal(isBefore('', 'a1-10'), false)
    assert.equal(isBefore('a1-9', 'a1-10'), true)
  })
})

describe('revisionAfter', () => {
  it('is the id of the event when both belong to one log', () => {
    assert.equal(revisionAfter('a1-10', 'a1-12'), 'a1-12')
  })

  it('is empty if it is unknown what lies between', () => {
    assert.equal(revisionAfter('', 'a1-12'), '')
    assert.equal(revisionAfter('a1-10', 'b2-1'), '')
    assert.equal(revisionAfter('a1-10', ''), '')
  })
})
