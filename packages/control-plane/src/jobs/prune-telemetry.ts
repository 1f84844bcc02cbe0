import type { Environment, SideStores } from '../app.ts'
import { seriesMs } from '../telemetry/series/stores/store.ts'

/** Deletes telemetry that is too old, and, above the size limit, the oldest of the node with the most. */
export async function pruneTelemetry({
  telemetry,
  series,
  config,
  clock,
  log,
}: SideStores & Environment): Promise<void> {
  const removed = await telemetry.prune({
    beforeMs: clock.now() - config.limits.telemetry_ms,
    maxBytes: config.limits.telemetry_bytes,
    maxAuditBytes: config.limits.audit_bytes,
    maxTenantBytes: config.limits.tenant_telemetry_bytes,
  })
  await series.prune({
    beforeMs: clock.now() - seriesMs,
    maxBytes: config.limits.series_bytes,
  })
  if (removed > 0) log.info('telemetry pruned', { records: removed })
}
