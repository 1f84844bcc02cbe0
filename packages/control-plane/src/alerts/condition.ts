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
  if (when.metric) return readMetric(when.metric, facts)
  if (when.increase) return readIncrease(when.increase, facts)
  if (when.no_data) return readNoData(when.no_data, facts)
  if (when.status) return is(when.status.includes(facts.status))
  if (when.integrity) return readIntegrity(when.integrity, facts)
  if (when.drift) return readDrift(when.drift, facts)
  return unknown
}

function is(holds: boolean, value: number | null = null): Reading {
  return { is: holds ? 'holds' : 'clear', value }
}

type Of<Kind extends keyof AlertCondition> = NonNullable<AlertCondition[Kind]>

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

function readNoData({ name }: Of<'no_data'>, facts: Facts): Reading {
  const isNew = facts.nowMs - facts.watchingSinceMs < staleMs
  if (facts.status !== 'online') return unknown
  if (freshValue(name, facts) !== undefined) return is(false)
  return isNew ? unknown : is(true)
}

function readIntegrity({ within }: Of<'integrity'>, facts: Facts): Reading {
  if (facts.isMismatch) return is(true)
  return readEvents(facts.arrivals('violations'), { within, atLeast: 1 }, facts)
}

function readDrift({ within, at_least: atLeast }: Of<'drift'>, facts: Facts): Reading {
  return readEvents(facts.arrivals('drift'), { within, atLeast }, facts)
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

/** What was seen, in a sentence without its full stop. */
export function describeCondition(
  when: AlertCondition,
  { value }: Reading,
  facts: Pick<Facts, 'status' | 'isMismatch'>,
): string {
  const { metric, increase, no_data, integrity, drift } = when
  if (metric) {
    const { name, of, above, below } = metric
    const isAbove = above !== undefined && (value ?? 0) > above
    const bound = isAbove ? `above ${above}` : `below ${below}`
    return `${name}${of === undefined ? '' : ` / ${of}`} is ${rounded(value)}, ${bound}`
  }
  if (increase) return `${increase.name} has grown within ${increase.within}`
  if (no_data) return `no value of ${no_data.name} for ${formatDuration(staleMs)}`
  if (integrity)
    return facts.isMismatch
      ? 'the binary is none that the control plane knows of its version'
      : `a file that was changed was found within ${integrity.within}`
  if (drift) return `${drift.at_least} or more corrections within ${drift.within}`
  return `the node is ${facts.status}`
}

function rounded(value: number | null): string {
  return String(Number((value ?? 0).toPrecision(4)))
}
