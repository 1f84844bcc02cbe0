import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cursorOf, limitOf, toPage } from './paging.ts'

describe('toPage', () => {
  const parts = { item: (n: number) => n, cursor: (n: number) => [n, 'x'] }

  it('points behind its last item while there is more', () => {
    const { items, next } = toPage([1, 2, 3], 2, parts)
    assert.deepEqual(items, [1, 2])
    assert.deepEqual(cursorOf({ after: next ?? '' }, [0, '']), [2, 'x'])
  })

  it('ends with the last item', () => {
    assert.deepEqual(toPage([1, 2], 2, parts), { items: [1, 2], next: null })
    assert.deepEqual(toPage([], 2, parts), { items: [], next: null })
  })
})

describe('cursorOf', () => {
  it('refuses what is no cursor of the list', () => {
    const other = Buffer.from('["a"]').toString('base64url')
    for (const after of ['', 'zzz', other])
      assert.throws(() => cursorOf({ after }, [0]), { code: 'bad_request' })
    assert.equal(cursorOf({}, [0]), undefined)
  })
})

describe('limitOf', () => {
  it('is 100 when absent and 1,000 at most', () => {
    assert.deepEqual(
      [limitOf({}), limitOf({ limit: '7' }), limitOf({ limit: '9999' })],
      [100, 7, 1_000],
    )
  })
})
