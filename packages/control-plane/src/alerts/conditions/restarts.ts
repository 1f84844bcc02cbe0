import type { ArrivedFacts } from '../../telemetry/packs/matcher.ts'

/** Sees by its uptime that plexd was started again. */
export interface Restarts {
  /** Returns when it happened, by what has come of a node at one time. */
  take(nodeId: string, facts: readonly ArrivedFacts[], arrivedMs: number): number[]
  forget(nodeId: string): void
}

interface Uptime {
  seconds: number
  /** By the clock of the node. */
  atMs: number
}

const metric = 'agent_stats.uptime_seconds'
/** Of the time that went by; by less, it was started again. A clock that is set forward looks the same, once. */
const leastShare = 0.5

export function createRestarts(): Restarts {
  const uptimes = new Map<string, Uptime>()
  return {
    take(nodeId, facts, arrivedMs) {
      const times: number[] = []
      for (const { point } of facts) {
        const sample = point?.samples.find(({ series }) => series.name === metric)
        if (!point || !sample) continue
        const before = uptimes.get(nodeId)
        const now = { seconds: sample.value, atMs: point.atMs }
        if (before && now.atMs <= before.atMs) continue
        uptimes.set(nodeId, now)
        if (before && isRestart(before, now)) times.push(Math.min(point.atMs, arrivedMs))
      }
      return times
    },
    forget: (nodeId) => void uptimes.delete(nodeId),
  }
}

/** Uptimes are compared with the time between: a program that dies every 20 s may be seen with the same one each time. */
function isRestart(before: Uptime, now: Uptime): boolean {
  const spentSeconds = (now.atMs - before.atMs) / 1_000
  return now.seconds - before.seconds < spentSeconds * leastShare - 1
}
