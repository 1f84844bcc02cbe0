import assert from 'node:assert/strict'
import { it } from 'node:test'
import { restAfterLook } from './start-files.ts'

it('looks less often where looking takes long', () => {
  assert.deepEqual([3, 800, 1e6].map(restAfterLook), [1_000, 7_200, 300_000])
})
