import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AlertCondition } from '@plexd/protocol'
import { lookOf } from './condition.ts'
import { type Facts, staleMs } from './facts.ts'

const nowMs = Date.parse('2025-01-15T10:30:00Z')
const minute = 60_000

interface Known extends Partial<Omit<Facts, 'valuesOf' | 'grewAtMs' | 'arrivals'>> {
  /** By the name of the metric, with the age of the value in milliseconds. */
  values?: Record<string, readonly [value: number, ageMs?: number]>
  grewAtMs?: number
  drift?: number[]
  restarts?: number[]
  violations?: number[]
}

function read(when: AlertCondition, known: Known = {}) {
  const { values = {}, grewAtMs, drift = [], violations = [], restarts = [], ...rest } = known
  const facts: Facts = {
    nowMs,
    status: 'online',
    isMismatch: false,
    watchingSinceMs: nowMs - 48 * 60 * minute,
    ...rest,
    valuesOf: (name) =>
      Object.entries(values)
        .filter(([series]) => series.split('{')[0] === name)
        .map(([series, [value, ageMs = 0]]) => ({ series, value, atMs: nowMs - ageMs })),
    grewAtMs: () => grewAtMs,
    arrivals: (kind) => ({ drift, violations, restarts })[kind],
  }
  const look = lookOf(when)
  const reading = look.read(facts)
  return { is: reading.is, says: look.describe(reading, facts) }
}

const disk: AlertCondition = {
  metric: { name: 'node_resources.disk_used', of: 'node_resources.disk_total', above: 0.9 },
}
const clock: AlertCondition = {
  metric: { name: 'agent_stats.clock_skew_seconds', above: 30, below: -30 },
}
const used = (share: number, ageMs = 0): Known => ({
  values: {
    'node_resources.disk_used': [share * 1e9, ageMs],
    'node_resources.disk_total': [1e9, ageMs],
  },
})

describe('a condition over a metric', () => {
  it('holds beyond its bound, and says so', () => {
    assert.deepEqual(read(disk, used(0.93456)), {
      is: 'holds',
      says: 'node_resources.disk_used / node_resources.disk_total is 0.9346, above 0.9',
    })
    assert.equal(read(disk, used(0.9)).is, 'clear')
    const skewed = (value: number) =>
      ({ values: { 'agent_stats.clock_skew_seconds': [value] } }) as const
    assert.deepEqual(
      [31, 30, 0, -30, -31].map((value) => read(clock, skewed(value)).is),
      ['holds', 'clear', 'clear', 'clear', 'holds'],
    )
    assert.match(read(clock, skewed(-31)).says, /is -31, below -30$/)
  })

  it('is not known without a value, with an old one, or as a share of nothing', () => {
    assert.equal(read(disk).is, 'unknown')
    assert.equal(read(disk, used(0.95, staleMs)).is, 'holds')
    assert.equal(read(disk, used(0.95, staleMs + 1)).is, 'unknown')
    const none = { 'node_resources.disk_used': [1], 'node_resources.disk_total': [0] } as const
    assert.equal(read(disk, { values: none }).is, 'unknown')
  })

  it('looks at each series of a program, and names the one that is furthest beyond', () => {
    const open = (above: number): AlertCondition => ({ metric: { name: 'shop.open', above } })
    const values = { 'shop.open{a="1"}': [5], 'shop.open{a="2"}': [9], 'shop.open{a="3"}': [2] }
    const known = { values } as unknown as Known
    assert.deepEqual(read(open(3), known), {
      is: 'holds',
      says: 'shop.open{a="2"} is 9, above 3',
    })
    assert.equal(read(open(9), known).is, 'clear')
    const below = { metric: { name: 'shop.open', below: 4 } }
    assert.match(read(below, known).says, /^shop\.open\{a="3"\} is 2, below 4$/)
  })

  it('divides series by those with the same labels, as Prometheus does', () => {
    const free: AlertCondition = { metric: { name: 'fs.free', of: 'fs.size', below: 0.1 } }
    const values = {
      'fs.free{m="/"}': [50],
      'fs.free{m="/data"}': [5],
      'fs.free{m="/other"}': [1],
      'fs.size{m="/"}': [100],
      'fs.size{m="/data"}': [100],
    } as unknown as NonNullable<Known['values']>
    assert.deepEqual(read(free, { values }), {
      is: 'holds',
      says: 'fs.free{m="/data"} / fs.size is 0.05, below 0.1',
    })
    const other = { 'fs.free{m="/other"}': [1] } as const
    assert.equal(read(free, { values: other }).is, 'unknown')
  })

  it('takes a value for new that a clock has stamped which is an hour behind', () => {
    const { values } = used(0.95, 60 * minute)
    const behind = { ...values, 'agent_stats.clock_skew_seconds': [3_600, 60 * minute] } as const
    assert.equal(read(disk, { values: behind }).is, 'holds')
  })
})

describe('a condition over what has happened', () => {
  const dropping: AlertCondition = {
    increase: { name: 'agent_stats.queue_dropped', within: '15m' },
  }
  const drift: AlertCondition = { drift: { within: '15m', at_least: 2 } }
  const integrity: AlertCondition = { integrity: { within: '1h' } }

  it('holds as long as it is recent', () => {
    assert.equal(read(dropping, { grewAtMs: nowMs - 15 * minute + 1 }).is, 'holds')
    assert.equal(read(dropping, { grewAtMs: nowMs - 15 * minute }).is, 'clear')
    assert.equal(read(drift, { drift: [nowMs - minute] }).is, 'clear')
    assert.equal(read(drift, { drift: [nowMs - 2 * minute, nowMs - minute] }).is, 'holds')
    const restarts: AlertCondition = { restarts: { within: '30m', at_least: 2 } }
    assert.equal(read(restarts, { restarts: [nowMs - minute] }).is, 'clear')
    assert.equal(
      read(restarts, { restarts: [nowMs - 2 * minute, nowMs] }).says,
      'plexd was started again 2 times within 30m',
    )
    assert.equal(read(integrity, { violations: [nowMs - minute] }).is, 'holds')
    assert.match(read(integrity, { isMismatch: true }).says, /^the binary is none/)
  })

  it('is not known until it was watched for as long', () => {
    const watchingSinceMs = nowMs - 14 * minute
    for (const when of [dropping, drift, integrity])
      assert.equal(read(when, { watchingSinceMs }).is, 'unknown')
    assert.equal(read(integrity, { watchingSinceMs, isMismatch: true }).is, 'holds')
  })
})

describe('the other conditions', () => {
  it('look at liveness', () => {
    const silent: AlertCondition = { status: ['unreachable', 'offline'] }
    assert.equal(read(silent).is, 'clear')
    assert.deepEqual(read(silent, { status: 'offline' }), {
      is: 'holds',
      says: 'the node is offline',
    })
  })

  it('miss values of a node that is online, and was for a while', () => {
    const missing: AlertCondition = { no_data: { name: 'node_resources.disk_used' } }
    assert.equal(read(missing).is, 'holds')
    assert.equal(read(missing, used(0.1)).is, 'clear')
    assert.equal(read(missing, used(0.1, staleMs + 1)).is, 'holds')
    assert.equal(read(missing, { status: 'offline' }).is, 'unknown')
    assert.equal(read(missing, { watchingSinceMs: nowMs - minute }).is, 'unknown')
  })
})
