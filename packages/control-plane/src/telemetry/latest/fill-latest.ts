import { describeError, type Log } from '@plexd/runtime'
import { arrivedFactsOf } from '../packs/matcher.ts'
import type { TelemetryStore } from '../store.ts'
import type { Latest } from './latest.ts'

/** As far back as a node is taken for present, and measures several times. */
const backMs = 2 * 60_000
const maxRecords = 200_000

export interface FillOptions {
  tenantIds: Iterable<string>
  nowMs: number
}

/**
 * After a start: takes what came shortly before it from the store, until disposed. Values that come meanwhile are newer, and stay. Without
 * it they would be there with the next batch of each node, so that nothing waits for it.
 */
export function startFilling(
  latest: Latest,
  telemetry: Pick<TelemetryStore, 'search'>,
  { log, ...options }: FillOptions & { log: Pick<Log, 'warn'> },
): AsyncDisposable {
  const controller = new AbortController()
  const { signal } = controller
  const done = fill(latest, telemetry, { ...options, signal }).catch((error: unknown) => {
    if (!signal.aborted)
      log.warn('the last metrics of nodes are not known yet', { error: describeError(error) })
  })
  return {
    async [Symbol.asyncDispose]() {
      controller.abort()
      await done
    },
  }
}

async function fill(
  latest: Latest,
  telemetry: Pick<TelemetryStore, 'search'>,
  { tenantIds, nowMs, signal }: FillOptions & { signal: AbortSignal },
): Promise<void> {
  for (const tenant_id of tenantIds) {
    const found = telemetry.search({
      tenant_id,
      kind: 'metrics',
      sinceMs: nowMs - backMs,
      untilMs: nowMs,
      order: 'newest',
      limit: maxRecords,
      signal,
    })
    for await (const records of found)
      for (const { node_id, received_at, record } of records)
        latest.follow({
          kind: 'metrics',
          source: { tenant_id, node_id },
          received_at,
          facts: [arrivedFactsOf('metrics', record)],
        })
  }
}
