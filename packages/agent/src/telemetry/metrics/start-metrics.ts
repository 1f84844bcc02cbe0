import type { MetricPoint } from '@plexd/protocol'
import type { Problems } from '../../health/problems.ts'
import type { Collector } from '../buffer/collector.ts'
import { createApplicationMetrics, type TakeMetrics } from './application-metrics.ts'
import { expositionOf } from './exposition.ts'
import { startMetricsListener } from './listener.ts'
import { type SamplerOptions, startSampler } from './sampler.ts'
import { startScrape } from './scrape.ts'

export interface MetricsOptions
  extends Omit<SamplerOptions, 'append' | 'intervalMs' | 'dataDir' | 'meshInterface'> {
  config: {
    dataDir: string
    meshInterface: string
    observeMs: number
    observeScrape: readonly string[]
    observeListen?: string | undefined
    limits: { local_metric_values_per_second: number }
  }
  collector: Collector<MetricPoint>
  /** Hostnames by id. */
  peerNames(): ReadonlyMap<string, string | undefined>
  problems: Pick<Problems, 'set'>
}

/** What local programs may ask of the metrics. */
export interface Metrics {
  metricsText(): Promise<string>
  takeMetrics: TakeMetrics
}

/** Everything that measures, until the stack ends it. */
export async function startMetrics(
  options: MetricsOptions,
  stack: AsyncDisposableStack,
): Promise<Metrics> {
  const { config, collector, peerNames, clock } = options
  const { dataDir, meshInterface, observeMs: intervalMs } = config
  const append = (points: readonly MetricPoint[]) => collector.append(points)
  const sampler = stack.use(
    await startSampler({ ...options, dataDir, meshInterface, intervalMs, append }),
  )
  async function text(): Promise<string> {
    const names = peerNames()
    return expositionOf(await sampler.sampleNow(), (id) => names.get(id))
  }
  if (config.observeScrape.length > 0)
    stack.use(startScrape({ ...options, urls: config.observeScrape, intervalMs, append }))
  if (config.observeListen !== undefined)
    stack.use(startMetricsListener({ ...options, listen: config.observeListen, text }))
  return {
    metricsText: text,
    takeMetrics: createApplicationMetrics({
      append,
      valuesPerSecond: config.limits.local_metric_values_per_second,
      clock,
    }),
  }
}
