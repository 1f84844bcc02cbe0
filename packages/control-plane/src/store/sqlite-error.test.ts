import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { diskErrorOf } from './sqlite-error.ts'

function failureOf(...statements: string[]): unknown {
  const database = new DatabaseSync(':memory:')
  try {
    for (const statement of statements) database.exec(statement)
  } catch (error) {
    return error
  } finally {
    database.close()
  }
  return undefined
}

describe('diskErrorOf', () => {
  it('is a 503 that says when to come back, for a full disk', () => {
    const full = failureOf(
      'create table t (x)',
      'pragma max_page_count = 1',
      "insert into t values (replace(hex(zeroblob(100000)), '0', 'x'))",
    )
    const error = diskErrorOf(full)
    assert.ok(error instanceof ApiError)
    assert.equal(error.status, 503)
    assert.equal(error.message, 'nothing was changed: the disk is full')
    assert.equal(error.retryAfterSeconds, 30)
    assert.equal(error.cause, full)
  })

  it('is any other error itself', () => {
    const unique = failureOf('create table t (x unique)', 'insert into t values (1), (1)')
    assert.ok(unique instanceof Error)
    assert.equal(diskErrorOf(unique), unique)
    assert.equal(diskErrorOf('text'), 'text')
  })
})
