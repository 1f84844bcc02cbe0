import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { limitThreadPool } from './thread-pool.ts'

describe('limitThreadPool', () => {
  for (const [cores, threads] of [
    [1, '1'],
    [2, '1'],
    [4, '3'],
    [64, '4'],
  ] as const)
    it(`takes ${threads} threads of ${cores} cores`, () => {
      const environment: NodeJS.ProcessEnv = {}
      limitThreadPool(environment, cores)
      assert.deepEqual(environment, { UV_THREADPOOL_SIZE: threads })
    })

  it('leaves it to who has said otherwise', () => {
    const environment: NodeJS.ProcessEnv = { UV_THREADPOOL_SIZE: '16' }
    limitThreadPool(environment, 2)
    assert.deepEqual(environment, { UV_THREADPOOL_SIZE: '16' })
  })
})
