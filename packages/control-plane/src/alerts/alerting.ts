import type { Clock, Log } from '@plexd/runtime'
import type { Metrics } from '../http/metrics/metrics.ts'
import type { Limits } from '../limits.ts'
import type { Fleet } from '../mesh/fleet.ts'
import type { MasterKey } from '../seal/master-key.ts'
import type { Store } from '../store/db.ts'
import type { Latest } from '../telemetry/latest/latest.ts'
import { type Judging, openJudging } from './judging.ts'
import { type Sending, startSending } from './webhooks/sending.ts'

/** Judges nodes by rules, and tells webhooks what comes of it. */
export interface Alerting extends Judging, Pick<Sending, 'start' | 'idle'>, AsyncDisposable {}

export interface AlertingDeps {
  store: Store
  fleet: Fleet
  latest: Pick<Latest, 'of' | 'programs'>
  masterKey: MasterKey
  metrics: Pick<Metrics, 'alertMessage'>
  limits(): Limits
  clock: Clock
  log: Log
}

export async function openAlerting(deps: AlertingDeps): Promise<Alerting> {
  const { metrics, limits } = deps
  const judging = await openJudging({
    ...deps,
    maxMessages: () => limits().alert_messages,
    onDropped: (count) => metrics.alertMessage('dropped', count),
  })
  const sending = startSending({ ...deps, onAttempt: (outcome) => metrics.alertMessage(outcome) })
  return {
    ...judging,
    start: sending.start,
    idle: sending.idle,
    [Symbol.asyncDispose]: () => sending[Symbol.asyncDispose](),
  }
}

/** How many alerts are open, by state and severity. */
export function countAlerts({ open }: Pick<Judging, 'open'>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { state, severity } of open()) {
    const key = `${state} ${severity}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}
