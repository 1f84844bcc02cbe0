import { join } from 'node:path'
import type { Environment } from '../app.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { postgresPlace } from '../store/place/database.ts'
import type { OnStep } from '../store/start-step.ts'
import { startFilling } from '../telemetry/latest/fill-latest.ts'
import { createLatest } from '../telemetry/latest/latest.ts'
import { createPrograms } from '../telemetry/latest/programs.ts'
import { startSeries } from '../telemetry/series/series.ts'
import { openSeriesFile } from '../telemetry/series/stores/file.ts'
import type { SeriesStore } from '../telemetry/series/stores/store.ts'
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
  const { metrics, clock, log } = environment
  const isNode = (id: string): boolean => fleet.node(id) !== undefined
  const programs = createPrograms(() => environment.config.limits, isNode)
  const room = roomOf(environment)
  const onLeftOut = metrics.valuesLeftOut
  const store = stack.use(await openSeriesStore(environment, onStep))
  const series = stack.use(startSeries({ store, telemetry, clock, log, room, programs, onLeftOut }))
  const latest = createLatest(programs, isNode)
  stack.defer(telemetry.onAppend(latest.follow))
  const tenantIds = new Set(Array.from(fleet.allNodes(), (node) => node.tenant_id))
  stack.use(startFilling(latest, telemetry, { tenantIds, nowMs: clock.now(), log }))
  return { series, latest }
}

function roomOf({ config: { limits } }: Environment) {
  return { own: limits.node_series, programs: limits.node_program_series }
}

/** Where the state is: in the database, or in a file beside it. */
async function openSeriesStore(
  environment: Environment,
  onStep: OnStep | undefined,
): Promise<SeriesStore> {
  const { config, metrics, clock, log } = environment
  const { dataDir, limits } = config
  const options = {
    ...{ room: roomOf(environment), onLeftOut: metrics.valuesLeftOut, log },
    lockWaitMs: limits.database_lock_wait,
  }
  const place = postgresPlace(config)
  if (!place)
    return openSeriesFile(join(dataDir, 'series.db'), {
      ...options,
      onStep,
      rebuiltFromMs: clock.now() - limits.telemetry_ms,
    })
  // Loaded lazily: most installations have none of it.
  const { openPostgresSeries } = await import('../telemetry/series/stores/postgres/series.ts')
  return openPostgresSeries(place, options)
}
