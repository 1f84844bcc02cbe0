import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Instruments } from './instruments.ts'

/** Of this process: how late its event loop is, its memory and its CPU time. */
export function createProcessMetrics({
  gauge,
  counter,
}: Instruments): Disposable & { read(): void } {
  /** One gauge each, because the label "quantile" is reserved for summaries. */
  const lagGauge = (name: string) =>
    gauge(
      `plexd_event_loop_lag_${name}_seconds`,
      `How late the event loop is, ${name}, since the last reading`,
    )
  const lags = [
    [50, lagGauge('median')],
    [99, lagGauge('p99')],
    [100, lagGauge('max')],
  ] as const
  const memory = gauge('process_resident_memory_bytes', 'Resident memory')
  const cpu = counter('process_cpu_seconds_total', 'User and system CPU time')
  // With a timer of 10 ms instead, an idle control plane spent more on that than on anything else.
  const delay = monitorEventLoopDelay({ samplePerIteration: true })
  delay.enable()
  return {
    read() {
      for (const [percentile, lag] of lags) lag.set(delay.percentile(percentile) / 1e9)
      delay.reset()
      memory.set(process.memoryUsage.rss())
      const { user, system } = process.cpuUsage()
      cpu.reset()
      cpu.inc((user + system) / 1e6)
    },
    [Symbol.dispose]: () => void delay.disable(),
  }
}
