import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startControlPlane } from '../../testing/harness.ts'
import { boundsOf, cursorOf, nextOf, type PageQuery } from './paging.ts'

describe('nextOf', () => {
  const cursor = (n: number) => [n, 'x']

  it('points behind the last item while there is more', () => {
    const next = nextOf({ rows: [1, 2], more: true }, cursor)
    assert.deepEqual(cursorOf({ after: next ?? '' }, [0, '']), [2, 'x'])
  })

  it('ends with the last item', () => {
    assert.equal(nextOf({ rows: [1, 2], more: false }, cursor), null)
    assert.equal(nextOf({ rows: [], more: false }, cursor), null)
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

describe('boundsOf', () => {
  it('asks for 100 items when no limit is given, and for 1,000 at most', () => {
    const limitOf = (limit?: string) =>
      boundsOf(limit === undefined ? {} : { limit }, { limits: { page_bytes: 1 } }).limit
    assert.deepEqual([limitOf(), limitOf('7'), limitOf('9999')], [100, 7, 1_000])
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

describe('the lists of tokens and secrets', () => {
  it('come in pages of some bytes too, and leave nothing out', async () => {
    await using plane = await startControlPlane({ config: { limits: { page_bytes: 10 } } })
    const names = ['a', 'b', 'c']
    for (const name of names) {
      await plane.admin.createToken({ body: { hostname: name, metadata: { role: 'database' } } })
      await plane.admin.putSecret({
        params: { key: name },
        body: { target: { selector: 'role=database' }, value: 'v' },
      })
    }
    const tokens = await pagesOf((query) => plane.admin.listTokens({ query }))
    assert.deepEqual(
      tokens.map((page) => page.map(({ hostname }) => hostname)),
      names.map((name) => [name]),
    )
    const secrets = await pagesOf((query) => plane.admin.listSecrets({ query }))
    assert.deepEqual(
      secrets.map((page) => page.map(({ key }) => key)),
      names.map((name) => [name]),
    )
  })
})

/** All pages of a list. */
async function pagesOf<Item>(
  list: (query: PageQuery) => Promise<{ body: { items: Item[]; next: string | null } }>,
): Promise<Item[][]> {
  const pages: Item[][] = []
  for (let after: string | null | undefined; after !== null; ) {
    const { body } = await list(after === undefined ? {} : { after })
    pages.push(body.items)
    after = body.next
  }
  return pages
}
