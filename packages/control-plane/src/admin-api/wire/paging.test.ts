import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startControlPlane } from '../../testing/harness.ts'
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

describe('the report list of a node', () => {
  it('comes in pages of some bytes, however large its reports are', async () => {
    await using plane = await startControlPlane({ config: { limits: { page_bytes: 10_000 } } })
    const { node_id, api } = await plane.enrol('web')
    const keys = Array.from({ length: 14 }, (_, at) => `k${String(at).padStart(2, '0')}`)
    const entry = { content_type: 't', version: 1, updated_at: '2025-01-15T10:30:00Z' }
    const entries = keys.map((key) => ({ ...entry, key, payload: 'x'.repeat(4_000) }))
    await api.syncReports({ params: { node_id }, body: { entries } })

    const seen: string[] = []
    for (let after: string | null | undefined; after !== null; ) {
      const { body, text = '' } = await plane.admin.listReports({
        params: { node: 'web' },
        query: after === undefined ? {} : { after },
      })
      assert.ok(text.length < 11_000)
      seen.push(...body.items.map(({ key }) => key))
      after = body.next
    }
    assert.deepEqual(seen, keys)
  })
})
