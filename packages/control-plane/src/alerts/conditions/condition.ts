import { type AlertCondition, formatDuration, parseDuration } from '@plexd/protocol'
import { type Facts, is, type Reading, staleMs, unknown, type WatchedKind } from './facts.ts'
import { describeMetric, freshValues, readMetric } from './metric-condition.ts'

/** How one condition looks at a node; pure. */
export interface Look {
  /** Whether it holds. */
  read(facts: Facts): Reading
  /** What was seen, in a sentence without its full stop. */
  describe(reading: Reading, facts: Pick<Facts, 'status' | 'isMismatch'>): string
}

type Of<Kind extends keyof AlertCondition> = NonNullable<AlertCondition[Kind]>

const looks: { [Kind in keyof AlertCondition]-?: (wanted: Of<Kind>) => Look } = {
  metric: (wanted) => ({
    read: (facts) => readMetric(wanted, facts),
    describe: (reading) => describeMetric(wanted, reading),
  }),
  increase({ name, within }) {
    const withinMs = parseDuration(within)
    return {
      read: (facts) => readIncrease(name, withinMs, facts),
      describe: () => `${name} has grown within ${within}`,
    }
  },
  no_data: ({ name }) => ({
    read: (facts) => readNoData(name, facts),
    describe: () => `no value of ${name} for ${formatDuration(staleMs)}`,
  }),
  status: (wanted) => ({
    read: ({ status }) => is(wanted.includes(status)),
    describe: (_, { status }) => `the node is ${status}`,
  }),
  integrity({ within }) {
    const withinMs = parseDuration(within)
    return {
      read: (facts) => readIntegrity(withinMs, facts),
      describe: (_, { isMismatch }) =>
        isMismatch
          ? 'the binary is none that the control plane knows of its version'
          : `a file that was changed was found within ${within}`,
    }
  },
  restarts: (wanted) => ({
    read: arrivalsReader('restarts', wanted),
    describe: ({ value }) => `plexd was started again ${value} times within ${wanted.within}`,
  }),
  drift: (wanted) => ({
    read: arrivalsReader('drift', wanted),
    describe: () => `${wanted.at_least} or more corrections within ${wanted.within}`,
  }),
}

/** Made once for a rule, and used for each node. A condition of none, which the API refuses, is never known to hold. */
export function lookOf(when: AlertCondition): Look {
  const kinds = Object.keys(looks) as (keyof AlertCondition)[] // the keys of the table
  const kind = kinds.find((one) => when[one] !== undefined)
  if (!kind) return { read: () => unknown, describe: () => '' }
  const look = looks[kind] as (wanted: unknown) => Look // it is given what has its own key
  return look(when[kind])
}

function readIncrease(name: string, withinMs: number, facts: Facts): Reading {
  const atMs = facts.grewAtMs(name)
  const value = facts.valuesOf(name)[0]?.value ?? null
  return readEvents(atMs === undefined ? [] : [atMs], { withinMs, atLeast: 1 }, facts, value)
}

function readNoData(name: string, facts: Facts): Reading {
  const isNew = facts.nowMs - facts.watchingSinceMs < staleMs
  if (facts.status !== 'online') return unknown
  if (freshValues(name, facts).length > 0) return is(false)
  return isNew ? unknown : is(true)
}

function readIntegrity(withinMs: number, facts: Facts): Reading {
  if (facts.isMismatch) return is(true)
  return readEvents(facts.arrivals('violations'), { withinMs, atLeast: 1 }, facts)
}

function arrivalsReader(
  kind: WatchedKind,
  { within, at_least: atLeast }: { within: string; at_least: number },
): Look['read'] {
  const withinMs = parseDuration(within)
  return (facts) => readEvents(facts.arrivals(kind), { withinMs, atLeast }, facts)
}

/** What happened before we watched is not known, so an alert that fired by it goes on until it would be over. */
function readEvents(
  times: readonly number[],
  { withinMs, atLeast }: { withinMs: number; atLeast: number },
  { nowMs, watchingSinceMs }: Facts,
  value?: number | null,
): Reading {
  const sinceMs = nowMs - withinMs
  const recent = times.filter((atMs) => atMs > sinceMs).length
  const shown = value === undefined ? recent : value
  if (recent >= atLeast) return is(true, shown)
  return watchingSinceMs > sinceMs ? unknown : is(false, shown)
}
