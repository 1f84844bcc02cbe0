import { Registry } from 'prom-client'
import { createCommitMetrics } from './commits.ts'
import { createFleetGauges, type FleetCounts } from './fleet.ts'
import { createInstruments } from './instruments.ts'
import { createProcessMetrics } from './process.ts'
import { createRecordMetrics } from './records.ts'
import { createRequestMetrics } from './requests.ts'
import { createShownMetrics } from './shown.ts'

export type Metrics = ReturnType<typeof createMetrics>

/** Metrics for Prometheus. */
export function createMetrics() {
  const registry = new Registry()
  const instruments = createInstruments(registry)
  const showFleet = createFleetGauges(instruments)
  const process = createProcessMetrics(instruments)
  return {
    ...createRequestMetrics(instruments),
    ...createCommitMetrics(instruments),
    ...createRecordMetrics(instruments),
    ...createShownMetrics(instruments),
    /** The text of `GET /metrics`. */
    async render(counts: FleetCounts) {
      await showFleet(counts)
      process.read()
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
    [Symbol.dispose]: () => process[Symbol.dispose](),
  }
}
