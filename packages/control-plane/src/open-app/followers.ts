import type {
  Delivery,
  Environment,
  Installation,
  NodeMemory,
  RelayAccess,
  Seals,
  SideStores,
  State,
  Waiters,
  Watch,
} from '../app.ts'
import type { MutableFleet } from '../mesh/fleet.ts'
import { followNodes } from '../nodes/follow-nodes.ts'
import { followFleet } from '../rows/fleet/load-fleet.ts'
import { followSessions } from '../sessions/follow-sessions.ts'
import { cutWithLog } from '../sessions/relay/cut-with-log.ts'

type Followers = State & { fleet: MutableFleet } & Delivery &
  Seals &
  NodeMemory &
  SideStores &
  Waiters &
  RelayAccess &
  Watch &
  Installation &
  Environment

/** From now on what is in memory follows the log. */
export function followLog(app: Followers): void {
  const { fleet, telemetry, clock, log } = app
  for (const follower of [
    // First, because these need the fleet from before the change.
    followNodes(app),
    followSessions({
      fleet,
      watch: app.sessions,
      audit: async (source, record) => {
        await telemetry.append({ kind: 'audit', source, records: [JSON.stringify(record)] })
      },
      now: clock.now,
      log,
    }),
    followFleet(fleet),
    app.operatorEnds.follow,
    app.entries.follow,
    app.sealedSecrets.follow,
    app.keyring.follow,
    app.announcing.follow,
    app.heeds.follow,
    app.heads.follow,
    app.recent.follow,
    app.metrics.follow,
    app.streams.follow, // after these, because payloads are built from them
    app.alerting.follow,
    cutWithLog(app.relay),
  ])
    app.commits.follow(follower)
}
