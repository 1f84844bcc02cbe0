import assert from 'node:assert/strict'
import { ApiError } from '@plexd/protocol'

/** For `assert.rejects`: the control plane answered with this status and these words. */
export function isError(status: number, message: string | RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof ApiError, String(error))
    assert.equal(error.status, status)
    if (typeof message === 'string') assert.equal(error.message, message)
    else assert.match(error.message, message)
    return true
  }
}
