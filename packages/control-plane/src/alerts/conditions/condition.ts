import { type AlertCondition, formatDuration, parseDuration } from '@plexd/protocol'
import { type Facts, is, type Reading, staleMs, unknown, type WatchedKind } from './facts.ts'
import { describeMetric, freshValues, readMetric } from './metric-condition.ts'

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
    describe: (reading) => describeMetric(wanted, reading),
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
  restarts: (wanted) => ({
    read: (facts) => readArrivals('restarts', wanted, facts),
    describe: ({ value }) => `plexd was started again ${value} times within ${wanted.within}`,
  }),
  drift: (wanted) => ({
    read: (facts) => readArrivals('drift', wanted, facts),
    describe: () => `${wanted.at_least} or more corrections within ${wanted.within}`,
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

function readIncrease({ name, within }: Of<'increase'>, facts: Facts): Reading {
  const atMs = facts.grewAtMs(name)
  const value = facts.valuesOf(name)[0]?.value ?? null
  return readEvents(atMs === undefined ? [] : [atMs], { within, atLeast: 1 }, facts, value)
}

function readNoData(name: string, facts: Facts): Reading {
  const isNew = facts.nowMs - facts.watchingSinceMs < staleMs
  if (facts.status !== 'online') return unknown
  if (freshValues(name, facts).length > 0) return is(false)
  return isNew ? unknown : is(true)
}

function readIntegrity(within: string, facts: Facts): Reading {
  if (facts.isMismatch) return is(true)
  return readEvents(facts.arrivals('violations'), { within, atLeast: 1 }, facts)
}

function readArrivals(
  kind: WatchedKind,
  { within, at_least: atLeast }: { within: string; at_least: number },
  facts: Facts,
): Reading {
  return readEvents(facts.arrivals(kind), { within, atLeast }, facts)
}

/** What happened before we watched is not known, so an alert that fired by it goes on until it would be over. */
function readEvents(
  times: readonly number[],
  { within, atLeast }: { within: string; atLeast: number },
  { nowMs, watchingSinceMs }: Facts,
  value?: number | null,
): Reading {
  const sinceMs = nowMs - parseDuration(within)
  const recent = times.filter((atMs) => atMs > sinceMs).length
  const shown = value === undefined ? recent : value
  if (recent >= atLeast) return is(true, shown)
  return watchingSinceMs > sinceMs ? unknown : is(false, shown)
}
