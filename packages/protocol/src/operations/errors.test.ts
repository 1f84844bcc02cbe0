import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError, codeOf, statusOf } from './errors.ts'

describe('codes of failure', () => {
  it('and their statuses are one to one', () => {
    for (const [code, status] of Object.entries(statusOf)) assert.equal(codeOf(status), code)
  })

  it('give an ApiError its status, unless another is named', () => {
    assert.equal(new ApiError('conflict', 'taken').status, 409)
    assert.equal(new ApiError('internal', 'bad gateway', { status: 502 }).status, 502)
  })

  it('keep the cause for the log', () => {
    const cause = new Error('disk full')

    assert.equal(new ApiError('internal', 'write', { cause }).cause, cause)
    assert.ok(!('cause' in new ApiError('internal', 'write')))
  })
})
