import type { MetricPoint } from '@plexd/protocol'
import { handOver } from '@plexd/runtime'
import type { Collecting, Collector } from '../../telemetry/buffer/collector.ts'
import type { AgentFacts } from '../../telemetry/metrics/agent-stats.ts'
import { scrapeSource } from '../../telemetry/metrics/scrape.ts'
import { startMetrics } from '../../telemetry/metrics/start-metrics.ts'
import type { Enrolled } from '../stages/enrolled.ts'

/** Measures this machine, and lets local programs read and add metrics. */
export async function collectMetrics(
  collector: Collector<MetricPoint>,
  node: Enrolled,
): Promise<Collecting> {
  const { config, mesh, desired, shown, problems } = node
  await using stack = new AsyncDisposableStack()
  const names = () => new Map(desired.current().peers.map(({ id, hostname }) => [id, hostname]))
  shown.show(
    await startMetrics(
      {
        ...node,
        collector,
        facts: () => factsOf(node),
        peers: () => mesh.describeMet(),
        ...(mesh.openPing ? { openPing: mesh.openPing } : {}),
        peerNames: names,
      },
      stack,
    ),
  )
  return {
    sources: () => [
      { name: '/proc', state: 'running', detail: '' },
      ...config.observeScrape.map((url) => scrapeSource(url, problems)),
    ],
    [Symbol.asyncDispose]: handOver(stack),
  }
}

function factsOf({ shown, clock, startedMs }: Enrolled): AgentFacts {
  const { control_plane, queues = [], telemetry = [], problems } = shown.status()
  const waiting = [...queues, ...telemetry]
  const sum = (count: (queue: (typeof waiting)[number]) => number): number =>
    waiting.reduce((total, queue) => total + count(queue), 0)
  return {
    uptime_seconds: Math.round((clock.monotonic() - startedMs) / 1_000),
    stream_connects: control_plane.stream_connects,
    clock_skew_seconds: control_plane.clock_skew_seconds,
    queue_bytes: sum(({ bytes }) => bytes),
    queue_dropped: sum(({ dropped }) => dropped),
    problems: problems.length,
  }
}
