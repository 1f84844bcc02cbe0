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

/** The periodic work of a control plane. */
export function jobsOf(
  app: State & Delivery & Seals & NodeMemory & SideStores & Waiters & Watch & Environment,
): Job[] {
  const { heartbeatIntervalMs, limits } = app.config
  return [
    {
      name: 'keep streams alive',
      everyMs: 15_000,
      run: () => app.streams.keepAlive(),
    },
    {
      name: 'mark stale nodes',
      everyMs: Math.min(500, heartbeatIntervalMs / 5),
      run: () => markStaleNodes(app),
    },
    { name: 'tell moves', everyMs: 500, run: () => tellMoves(app) },
    { name: 'rotate old keys', everyMs: 5_000, run: () => rotateOldKeys(app) },
    { name: 'save last seen', everyMs: 30_000, run: () => saveLastSeen(app) },
    { name: 'expire executions', everyMs: 1_000, run: () => expireExecutions(app) },
    { name: 'retry held executions', everyMs: 1_000, run: () => retryHeld(app) },
    { name: 'send queued executions', everyMs: 30_000, run: () => sendAllQueued(app) },
    { name: 'forget executions', everyMs: 60 * 60_000, run: () => forgetExecutions(app) },
    {
      name: 'close sessions',
      everyMs: 5_000,
      run: async () => {
        await closeOverdueSessions(app)
        await closeForsakenSessions(app)
      },
    },
    { name: 'forget sessions', everyMs: 60 * 60_000, run: () => forgetSessions(app) },
    { name: 'start runs', everyMs: 1_000, run: () => startDueRuns(app) },
    { name: 'drive runs', everyMs: 1_000, run: () => driveRuns(app) },
    { name: 'forget abandoned runs', everyMs: 60_000, run: () => forgetAbandoned(app) },
    {
      name: 'forget runs',
      everyMs: 60 * 60_000,
      run: async () => {
        await forgetRuns(app)
        await forgetTurns(app)
      },
    },
    { name: 'judge alerts', everyMs: 1_000, run: () => app.alerting.judge() },
    { name: 'send alerts', everyMs: 1_000, run: () => app.alerting.start() },
    { name: 'forget alerts', everyMs: 60 * 60_000, run: () => forgetAlerts(app) },
    // Often: until the next run, the excess grows by whatever is sent.
    {
      name: 'prune telemetry',
      everyMs: limits.telemetry_prune_ms,
      run: () => pruneTelemetry(app),
    },
    { name: 'prune recordings', everyMs: 60_000, run: () => pruneRecordings(app) },
    // Not often: whoever has a node can have all of them told anew.
    { name: 'settle announcement', everyMs: 60 * 60_000, run: () => settleAnnouncement(app) },
    { name: 'make backups', everyMs: 5_000, run: (signal) => makeDueBackup(app, signal) },
    { name: 'prune events', everyMs: 10 * 60_000, run: () => pruneEvents(app) },
    {
      name: 'finish a master key rotation',
      everyMs: 10_000,
      run: async () => {
        if (app.masterKey.isReplacing()) await app.masterKeyRotation.run()
      },
    },
    {
      name: 'drop expired signing key',
      everyMs: 5_000,
      run: async () => {
        if (app.keyring.hasExpired()) await app.change(dropExpiredKey)
      },
    },
  ]
}
