import type { App } from '../app.ts'

/** Drops telemetry that is too old, and the oldest while there is too much. */
export async function pruneTelemetry({ telemetry, config, clock, log }: App): Promise<void> {
  const removed = await telemetry.prune({
    beforeMs: clock.now() - config.telemetryMs,
    maxBytes: config.telemetryMaxBytes,
  })
  if (removed > 0) log.info('telemetry pruned', { records: removed })
}
