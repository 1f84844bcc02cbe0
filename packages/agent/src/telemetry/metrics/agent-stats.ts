import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { MetricData } from '@plexd/protocol'

type AgentStats = MetricData<'agent_stats'>

/** What only the daemon knows of itself. */
export type AgentFacts = Required<
  Pick<
    AgentStats,
    | 'uptime_seconds'
    | 'stream_connects'
    | 'clock_skew_seconds'
    | 'queue_bytes'
    | 'queue_dropped'
    | 'problems'
  >
>

export interface AgentStatsReader extends Disposable {
  read(): Required<AgentStats>
}

export function createAgentStats(facts: () => AgentFacts): AgentStatsReader {
  // By iterations of the loop: a timer of its own would cost more than all other metrics.
  const delay = monitorEventLoopDelay({ samplePerIteration: true })
  delay.enable()
  return {
    read() {
      const { user, system } = process.cpuUsage()
      const lag = delay.percentile(99) / 1e6
      delay.reset()
      return {
        ...facts(),
        cpu_seconds: (user + system) / 1e6,
        memory_rss: process.memoryUsage.rss(),
        heap_used: getHeapStatistics().used_heap_size,
        event_loop_lag_ms: Number.isFinite(lag) ? Math.round(lag * 100) / 100 : 0,
      }
    },
    [Symbol.dispose]: () => void delay.disable(),
  }
}
