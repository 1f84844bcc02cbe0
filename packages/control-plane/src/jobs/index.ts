import { forgetAlerts } from '../alerts/forget.ts'
import type {
  Delivery,
  Environment,
  NodeMemory,
  Seals,
  SideStores,
  State,
  Waiters,
  Watch,
} from '../app.ts'
import { settleAnnouncement } from '../installation/settle.ts'
import { dropExpiredKey } from '../rotation/signing-key.ts'
import { driveRuns, forgetAbandoned, forgetRuns } from '../runs/drive.ts'
import { forgetTurns, startDueRuns } from '../schedules/start-runs.ts'
import { makeDueBackup } from './back-up.ts'
import { expireExecutions, forgetExecutions, retryHeld, sendAllQueued } from './executions.ts'
import { markStaleNodes } from './mark-stale-nodes.ts'
import type { Job } from './periodic.ts'
import { pruneEvents } from './prune-events.ts'
import { pruneRecordings } from './prune-recordings.ts'
import { pruneTelemetry } from './prune-telemetry.ts'
import { rotateOldKeys } from './rotate-old-keys.ts'
import { saveLastSeen } from './save-last-seen.ts'
import { closeForsakenSessions, closeOverdueSessions, forgetSessions } from './sessions.ts'
import { tellMoves } from './tell-moves.ts'

type JobPlace = State & Delivery & Seals & NodeMemory & SideStores & Waiters & Watch & Environment

type Run = (place: JobPlace, signal: AbortSignal) => Promise<void>

const secondMs = 1_000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs

/** The periodic work of a control plane: name, period, and what is done. */
const jobs: readonly (readonly [
  name: string,
  everyMs: number | ((config: JobPlace['config']) => number),
  run: Run,
])[] = [
  ['keep streams alive', 15 * secondMs, async ({ streams }) => streams.keepAlive()],
  ['mark stale nodes', (config) => Math.min(500, config.heartbeatIntervalMs / 5), markStaleNodes],
  ['tell moves', 500, tellMoves],
  ['rotate old keys', 5 * secondMs, rotateOldKeys],
  ['save last seen', 30 * secondMs, saveLastSeen],
  ['expire executions', secondMs, expireExecutions],
  ['retry held executions', secondMs, retryHeld],
  ['send queued executions', 30 * secondMs, sendAllQueued],
  ['forget executions', hourMs, forgetExecutions],
  ['close sessions', 5 * secondMs, inTurn(closeOverdueSessions, closeForsakenSessions)],
  ['forget sessions', hourMs, forgetSessions],
  ['start runs', secondMs, startDueRuns],
  ['drive runs', secondMs, driveRuns],
  ['forget abandoned runs', minuteMs, forgetAbandoned],
  ['forget runs', hourMs, inTurn(forgetRuns, forgetTurns)],
  ['judge alerts', secondMs, ({ alerting }) => alerting.judge()],
  ['send alerts', secondMs, ({ alerting }) => alerting.start()],
  ['forget alerts', hourMs, forgetAlerts],
  // Often: until the next run, the excess grows by whatever is sent.
  ['prune telemetry', ({ limits }) => limits.telemetry_prune_ms, pruneTelemetry],
  ['prune recordings', minuteMs, pruneRecordings],
  // Not often: whoever has a node can have all of them told anew.
  ['settle announcement', hourMs, settleAnnouncement],
  ['make backups', 5 * secondMs, makeDueBackup],
  ['prune events', 10 * minuteMs, pruneEvents],
  [
    'finish a master key rotation',
    10 * secondMs,
    async ({ masterKey, masterKeyRotation }) => {
      if (masterKey.isReplacing()) await masterKeyRotation.run()
    },
  ],
  [
    'drop expired signing key',
    5 * secondMs,
    async ({ keyring, change }) => {
      if (keyring.hasExpired()) await change(dropExpiredKey)
    },
  ],
]

function inTurn(first: Run, second: Run): Run {
  return async (place, signal) => {
    await first(place, signal)
    await second(place, signal)
  }
}

export function jobsOf(place: JobPlace): Job[] {
  return jobs.map(([name, everyMs, run]) => ({
    name,
    everyMs: typeof everyMs === 'number' ? everyMs : everyMs(place.config),
    run: (signal) => run(place, signal),
  }))
}
