import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { digestOfReports, type ReportVersion } from '@plexd/protocol'
import fc from 'fast-check'
import { compareReports } from './compare.ts'

const entries: fc.Arbitrary<ReportVersion[]> = fc.uniqueArray(
  fc.record(
    {
      key: fc.constantFrom('a', 'b', 'c', 'd', '\u{1f600}', '\uffee'),
      version: fc.integer({ min: 1, max: 2 }),
      updated_at: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
    },
    { noNullPrototype: true },
  ),
  { selector: ({ key }) => key },
)

describe('compareReports', () => {
  it('names what has to be sent and taken away, whatever both sides have, in pages or at once', async () => {
    const cut = fc.option(fc.constantFrom('a', 'b', '\u{1f600}'), { nil: undefined })
    await fc.assert(
      fc.asyncProperty(entries, entries, cut, async (held, own, middle) => {
        const byKey = new Map(held.map((entry) => [entry.key, entry]))
        for (const page of pagesAt(own, middle)) {
          const digest = await digestOfReports(page.entries)
          const { same, missing, surplus } = await compareReports(held, { ...page, digest })
          assert.equal(same, same && missing.length + surplus.length === 0)
          for (const key of missing)
            byKey.set(key, own.find((entry) => entry.key === key) as ReportVersion) // it is one of ours
          for (const key of surplus) byKey.delete(key)
        }
        assert.deepEqual(sorted([...byKey.values()]), sorted(own))
      }),
    )
  })

  it('needs the digest alone where nothing differs, and says no more by it where something does', async () => {
    const held = [
      { key: 'b', version: 1, updated_at: '' },
      { key: 'a', version: 2, updated_at: '' },
    ]
    const digest = await digestOfReports(held.toReversed())
    assert.deepEqual(await compareReports(held, { digest }), {
      same: true,
      missing: [],
      surplus: [],
    })
    const other = await compareReports([], { digest })
    assert.deepEqual(other, { same: false, missing: [], surplus: [] })
  })
})

function pagesAt(own: readonly ReportVersion[], middle: string | undefined) {
  if (middle === undefined) return [{ entries: [...own] }]
  return [
    { through: middle, entries: own.filter(({ key }) => key <= middle) },
    { after: middle, entries: own.filter(({ key }) => key > middle) },
  ]
}

function sorted(some: readonly ReportVersion[]): ReportVersion[] {
  return some.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}
