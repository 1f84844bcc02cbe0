import {
  type AlertCondition,
  formatDuration,
  type NodeStatus,
  parseDuration,
} from '@plexd/protocol'
import type { LatestValue } from '../telemetry/latest/latest.ts'

/** What is known of a node at one time. */
export interface Facts {
  nowMs: number
  status: NodeStatus
  /** Its binary is none that is known. */
  isMismatch: boolean
  valueOf(metric: string): LatestValue | undefined
  /** When the counter was last seen to grow. */
  grewAtMs(metric: string): number | undefined
  /** When records of the kind came, oldest first, up to the hundred last. */
  arrivals(kind: 'drift' | 'violations'): readonly number[]
  /** Since when growth and arrivals are watched: our own start. */
  watchingSinceMs: number
}

export interface Reading {
  /** `unknown` if nothing that is recent enough says either. */
  is: 'holds' | 'clear' | 'unknown'
  value: number | null
}

/** Several times as long as nodes take from one value to the next. */
export const staleMs = 5 * 60_000

const unknown: Reading = { is: 'unknown', value: null }

/** Whether a condition holds for a node. Pure. */
export function readCondition(when: AlertCondition, facts: Facts): Reading {
  return lookOf(when)?.read(facts) ?? unknown
}

/** What was seen, in a sentence without its full stop. */
export function describeCondition(
  when: AlertCondition,
  reading: Reading,
  facts: Pick<Facts, 'status' | 'isMismatch'>,
): string {
  return lookOf(when)?.describe(reading, facts) ?? ''
}

/** How one condition looks at a node. */
interface Look {
  read(facts: Facts): Reading
  describe(reading: Reading, facts: Pick<Facts, 'status' | 'isMismatch'>): string
}

type Of<Kind extends keyof AlertCondition> = NonNullable<AlertCondition[Kind]>

const looks: { [Kind in keyof AlertCondition]-?: (wanted: Of<Kind>) => Look } = {
  metric: (wanted) => ({
    read: (facts) => readMetric(wanted, facts),
    describe: ({ value }) => describeMetric(wanted, value),
  }),
  increase: (wanted) => ({
    read: (facts) => readIncrease(wanted, facts),
    describe: () => `${wanted.name} has grown within ${wanted.within}`,
  }),
  no_data: ({ name }) => ({
    read: (facts) => readNoData(name, facts),
    describe: () => `no value of ${name} for ${formatDuration(staleMs)}`,
  }),
  status: (wanted) => ({
    read: ({ status }) => is(wanted.includes(status)),
    describe: (_, { status }) => `the node is ${status}`,
  }),
  integrity: ({ within }) => ({
    read: (facts) => readIntegrity(within, facts),
    describe: (_, { isMismatch }) =>
      isMismatch
        ? 'the binary is none that the control plane knows of its version'
        : `a file that was changed was found within ${within}`,
  }),
  drift: ({ within, at_least: atLeast }) => ({
    read: (facts) => readEvents(facts.arrivals('drift'), { within, atLeast }, facts),
    describe: () => `${atLeast} or more corrections within ${within}`,
  }),
}

/** Undefined for a condition of none, which the API refuses. */
function lookOf(when: AlertCondition): Look | undefined {
  const kinds = Object.keys(looks) as (keyof AlertCondition)[] // the keys of the table
  const kind = kinds.find((one) => when[one] !== undefined)
  if (!kind) return undefined
  const look = looks[kind] as (wanted: unknown) => Look // it is given what has its own key
  return look(when[kind])
}

function is(holds: boolean, value: number | null = null): Reading {
  return { is: holds ? 'holds' : 'clear', value }
}

function readMetric({ name, of, above, below }: Of<'metric'>, facts: Facts): Reading {
  const part = freshValue(name, facts)
  const whole = of === undefined ? 1 : freshValue(of, facts)
  if (part === undefined || whole === undefined || whole === 0) return unknown
  const value = part / whole
  const isAbove = above !== undefined && value > above
  const isBelow = below !== undefined && value < below
  return is(isAbove || isBelow, value)
}

/** The clock of the node has stamped it, and may be behind. */
function freshValue(name: string, facts: Facts): number | undefined {
  const latest = facts.valueOf(name)
  if (!latest) return undefined
  const behindSeconds = Math.max(0, facts.valueOf('agent_stats.clock_skew_seconds')?.value ?? 0)
  const ageMs = facts.nowMs - latest.atMs - behindSeconds * 1_000
  return ageMs > staleMs ? undefined : latest.value
}

function readIncrease({ name, within }: Of<'increase'>, facts: Facts): Reading {
  const atMs = facts.grewAtMs(name)
  const value = facts.valueOf(name)?.value ?? null
  return readEvents(atMs === undefined ? [] : [atMs], { within, atLeast: 1 }, facts, value)
}

function readNoData(name: string, facts: Facts): Reading {
  const isNew = facts.nowMs - facts.watchingSinceMs < staleMs
  if (facts.status !== 'online') return unknown
  if (freshValue(name, facts) !== undefined) return is(false)
  return isNew ? unknown : is(true)
}

function readIntegrity(within: string, facts: Facts): Reading {
  if (facts.isMismatch) return is(true)
  return readEvents(facts.arrivals('violations'), { within, atLeast: 1 }, facts)
}

/** What happened before we watched is not known, so an alert that fired by it goes on until it would be over. */
function readEvents(
  times: readonly number[],
  { within, atLeast }: { within: string; atLeast: number },
  { nowMs, watchingSinceMs }: Facts,
  value: number | null = null,
): Reading {
  const sinceMs = nowMs - parseDuration(within)
  const recent = times.filter((atMs) => atMs > sinceMs).length
  if (recent >= atLeast) return is(true, value)
  return watchingSinceMs > sinceMs ? unknown : is(false, value)
}

function describeMetric({ name, of, above, below }: Of<'metric'>, value: number | null): string {
  const isAbove = above !== undefined && (value ?? 0) > above
  const bound = isAbove ? `above ${above}` : `below ${below}`
  return `${name}${of === undefined ? '' : ` / ${of}`} is ${rounded(value)}, ${bound}`
}

function rounded(value: number | null): string {
  return String(Number((value ?? 0).toPrecision(4)))
}
