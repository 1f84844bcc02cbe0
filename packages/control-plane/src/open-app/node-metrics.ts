import { join } from 'node:path'
import type { Environment } from '../app.ts'
import type { Fleet } from '../mesh/fleet.ts'
import type { OnStep } from '../store/start-step.ts'
import { startFilling } from '../telemetry/latest/fill-latest.ts'
import { createLatest } from '../telemetry/latest/latest.ts'
import { createPrograms } from '../telemetry/latest/programs.ts'
import { startSeries } from '../telemetry/series/series.ts'
import { openSeriesFile } from '../telemetry/series/series-file.ts'
import type { TelemetryStore } from '../telemetry/store.ts'

export interface Around {
  fleet: Fleet
  onStep: OnStep | undefined
  stack: AsyncDisposableStack
}

/** What follows metrics as they are stored: series, and the last value of each. */
export async function openNodeMetrics(
  environment: Environment,
  { telemetry, fleet, onStep, stack }: Around & { telemetry: TelemetryStore },
) {
  const { config, metrics, clock, log } = environment
  const { dataDir, limits } = config
  const isNode = (id: string): boolean => fleet.node(id) !== undefined
  const programs = createPrograms(() => environment.config.limits, isNode)
  const room = { own: limits.node_series, programs: limits.node_program_series }
  const onLeftOut = metrics.valuesLeftOut
  const nowMs = clock.now()
  const file = stack.use(
    openSeriesFile(join(dataDir, 'series.db'), {
      room,
      onLeftOut,
      lockWaitMs: limits.database_lock_wait,
      log,
      onStep,
      rebuiltFromMs: nowMs - limits.telemetry_ms,
    }),
  )
  const series = stack.use(
    await startSeries({ file, telemetry, clock, log, room, programs, onLeftOut }),
  )
  const latest = createLatest(programs, isNode)
  stack.defer(telemetry.onAppend(latest.follow))
  const tenantIds = new Set(Array.from(fleet.allNodes(), (node) => node.tenant_id))
  stack.use(startFilling(latest, telemetry, { tenantIds, nowMs, log }))
  return { series, latest }
}
