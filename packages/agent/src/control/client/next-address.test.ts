import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { afterFailure, attemptAt, type Course, type Failed, startOf } from './next-address.ts'

const failedAt = (course: Course, at: number, soon = false): Failed => ({
  ...attemptAt(course, at),
  soon,
})

describe('afterFailure', () => {
  it('goes to the next address, and from the last one to the first', () => {
    const start = startOf(2)
    const first = afterFailure(start, [failedAt(start, 0)])
    assert.deepEqual([first.course.inUse, first.next], [1, 1])
    const second = afterFailure(first.course, [failedAt(first.course, 1)])
    assert.deepEqual([second.course.inUse, second.next], [0, 0])
  })

  it('moves nobody for a request that began before somebody else had moved', () => {
    const start = startOf(3)
    const { course } = afterFailure(start, [failedAt(start, 0)])
    assert.deepEqual(afterFailure(course, [failedAt(start, 0)]), { course, next: 1 })
  })

  it('rests after a whole round at the one that may serve soon', () => {
    const start = startOf(3)
    const tried = [failedAt(start, 0), failedAt({ ...start, turn: 1 }, 1, true)]
    const course = { ...start, inUse: 2, turn: 2 }
    const after = afterFailure(course, [...tried, failedAt(course, 2)])
    assert.deepEqual([after.course.inUse, after.next], [1, undefined])
  })

  it('keeps what is promised whatever fails, and however many ask at once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 80 }), check),
      { numRuns: 500 },
    )
  })
})

/** Some request goes on, or an address begins or ends to work. */
type Step = { do: 'begin' } | { do: 'answer'; who: number } | { do: 'turn'; which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('begin' as const) }),
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), who: fc.nat(9) }) },
  fc.record({ do: fc.constant('turn' as const), which: fc.nat(4) }),
)

interface Request {
  at: number
  turn: number
  tried: Failed[]
}

function check(count: number, steps: readonly Step[]): void {
  const works = Array.from({ length: count }, () => true)
  const requests: Request[] = []
  let course = startOf(count)

  /** Whether it is over. */
  function answer(request: Request): boolean {
    if (works[request.at]) return true
    const before = course
    request.tried.push({ at: request.at, turn: request.turn, soon: request.at % 2 === 0 })
    const after = afterFailure(course, request.tried)
    course = after.course
    const sawIt = request.turn === before.turn && request.at === before.inUse
    assert.equal(course.turn, before.turn + (sawIt ? 1 : 0))
    if (!sawIt) assert.equal(course.inUse, before.inUse, 'an old failure moved somebody')
    const places = new Set(request.tried.map(({ at }) => at))
    assert.equal(places.size, request.tried.length, 'an address was asked twice')
    if (after.next === undefined) {
      assert.equal(places.size, count, 'it gave up before the round was whole')
      return true
    }
    assert.ok(!places.has(after.next))
    Object.assign(request, attemptAt(course, after.next))
    return false
  }

  for (const one of steps) {
    if (one.do === 'begin') requests.push({ ...attemptAt(course, course.inUse), tried: [] })
    if (one.do === 'turn') works[one.which % count] = !works[one.which % count]
    const request = one.do === 'answer' ? requests[one.who % requests.length] : undefined
    if (request && answer(request)) requests.splice(requests.indexOf(request), 1)
  }
  if (!works.includes(true)) return
  const last: Request = { ...attemptAt(course, course.inUse), tried: [] }
  while (!answer(last));
  assert.ok(works[course.inUse], 'one works, and another one stays in use')
}
