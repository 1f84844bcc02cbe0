import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createMarks, createSeenMarks, markBytes } from './marks.ts'

const take = (count: number, next: () => Buffer) => Array.from({ length: count }, next)

describe('createSeenMarks', () => {
  it('takes each mark once, in whatever order those of several writers come', () => {
    const writers = [createMarks(), createMarks(), createMarks()]
    const marks = writers.flatMap((next) => take(40, next))
    assert.ok(marks.every(({ length }) => length === markBytes))
    const places = fc.array(fc.nat(marks.length - 1), { maxLength: 300 })
    fc.assert(
      fc.property(places, (order) => {
        const isNew = createSeenMarks()
        const known = new Set<number>()
        for (const place of order) {
          assert.equal(isNew(marks[place] as Buffer), !known.has(place))
          known.add(place)
        }
      }),
    )
  })

  it('takes nothing twice that has fallen far behind', () => {
    const next = createMarks()
    const isNew = createSeenMarks()
    const marks = take(70_000, next)
    for (const mark of marks) assert.ok(isNew(mark))
    assert.ok(marks.every((mark) => !isNew(mark)))
    // Nobody has seen this one, but nobody can tell any more.
    const other = createMarks()
    const [late, ...rest] = take(70_000, other)
    assert.ok(isNew(rest.at(-1) as Buffer))
    assert.equal(isNew(late as Buffer), false)
    assert.ok(isNew(rest.at(-2) as Buffer))
  })

  it('knows a thousand writers', () => {
    const isNew = createSeenMarks()
    const first = take(1_000, () => createMarks()())
    for (const mark of first) assert.ok(isNew(mark))
    assert.ok(first.every((mark) => !isNew(mark)))
  })
})
