import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Bucket, bucketOf, merge } from './hours/bucket.ts'
import { resolutionOf } from './resolution.ts'
import { pick, ratesOf, stepsOf } from './steps.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

describe('the steps of a series', () => {
  it('are the values in each, by minimum, maximum, average and last', () => {
    const buckets = [
      [1, 0],
      [5, 10],
      [3, 20],
      [7, 60],
      [9, 200],
    ].map(([value = 0, second = 0]) => bucketOf(value, second * 1_000))
    const steps = stepsOf(buckets, { stepMs: minuteMs, sinceMs: 1, untilMs: 100_000 })
    const shown = steps.map(([startMs, bucket]) => [
      startMs / 1_000,
      ...(['min', 'max', 'avg', 'last'] as const).map((agg) => pick(bucket, agg)),
    ])
    assert.deepEqual(shown, [
      [0, 3, 5, 4, 3],
      [60, 7, 7, 7, 7],
    ])
  })

  it('are of a counter what it grew by a second, from nothing where it began anew', () => {
    const buckets = [
      [100, 0],
      [250, 15],
      [250, 30],
      [30, 45],
    ].map(([value = 0, second = 0]) => bucketOf(value, second * 1_000))
    const rates = ratesOf(buckets).map(({ last, lastMs }) => [lastMs / 1_000, last])
    assert.deepEqual(rates, [
      [15, 10],
      [30, 0],
      [45, 2],
    ])
  })
})

describe('the growth of a counter', () => {
  const of = (...values: [value: number, second: number][]): Bucket =>
    values.map(([value, second]) => bucketOf(value, second * 1_000)).reduce(merge)

  it('is that of all its values, also where it began anew inside of a bucket', () => {
    const buckets = [of([10, 0], [50, 15]), of([60, 30], [5, 45], [25, 60]), of([3, 75], [4, 90])]
    assert.deepEqual(
      ratesOf(buckets).map(({ last }) => last * 1_000),
      [(35 / 45) * 1_000, (4 / 30) * 1_000],
    )
  })

  it('is the same in whichever order its values come, as long as it does not begin anew', () => {
    const values: [number, number][] = [
      [1, 0],
      [5, 15],
      [8, 30],
      [9, 45],
    ]
    for (const order of [
      values,
      values.toReversed(),
      [2, 0, 3, 1].map((at) => values[at] ?? [0, 0]),
    ])
      assert.equal(of(...(order as [number, number][])).growth, 8)
  })

  it('is that of both where two overlap', () => {
    const late = merge(of([1, 0], [9, 45]), of([5, 15], [12, 60]))
    assert.deepEqual([late.growth, late.first, late.last], [11, 1, 12])
  })
})

describe('how fine a series is read', () => {
  for (const [asked, expected] of [
    [
      { rangeMs: hourMs, nodes: 1 },
      { source: 'points', stepMs: 15_000 },
    ],
    [
      { rangeMs: 6 * hourMs, nodes: 10 },
      { source: 'points', stepMs: 90_000 },
    ],
    [
      { rangeMs: 6 * hourMs, nodes: 1_000 },
      { source: 'series', stepMs: 5 * minuteMs },
    ],
    [
      { rangeMs: 90 * 24 * hourMs, nodes: 1 },
      { source: 'series', stepMs: 9 * hourMs },
    ],
    [
      { rangeMs: 48 * hourMs, nodes: 1, stepMs: 15_000 },
      { source: 'points', stepMs: 15_000 },
    ],
    [{ rangeMs: 48 * hourMs, nodes: 100, stepMs: 15_000 }, undefined],
    [
      { rangeMs: hourMs, nodes: 1, stepMs: 7 * minuteMs },
      { source: 'series', stepMs: 10 * minuteMs },
    ],
  ] as const)
    it(`is ${expected?.stepMs} ms of ${expected?.source} for ${JSON.stringify(asked)}`, () => {
      assert.deepEqual(resolutionOf({ stepMs: undefined, ...asked }), expected)
    })
})
