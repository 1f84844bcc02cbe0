import type { AuditRecord } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import type { Follower } from '../log/log.ts'
import type { ChangeWatch } from '../log/watch.ts'
import type { Fleet } from '../mesh/fleet.ts'
import type { SessionInLog } from '../rows/unit.ts'

interface Told {
  /** Still as before the commit: a node that is being removed has a name. */
  fleet: Fleet
  watch: ChangeWatch
  /** Adds to the audit records of a node. */
  audit(of: { tenant_id: string; node_id: string }, record: AuditRecord): Promise<void>
  now(): number
  log: Log
}

/** Puts on record that a session was opened, is ready and has closed, whoever did it, and wakes those who wait for it. */
export function followSessions({ fleet, watch, audit, now, log }: Told): Follower {
  function note(session: SessionInLog, was: SessionInLog['state'] | undefined): void {
    const action = actions[session.state]
    const hostname = fleet.node(session.node_id)?.hostname ?? ''
    const { id: session_id, operator_id, operator_name, login, way, reason, detail } = session
    const closing = session.state === 'closed' ? { reason, detail } : {}
    const what = { session_id, login, way, ...closing }
    log.info(`session ${action}`, {
      node_id: session.node_id,
      hostname,
      by: operator_name,
      ...what,
    })
    const record: AuditRecord = {
      timestamp: new Date(now()).toISOString(),
      source: 'control-plane',
      event_type: 'session',
      action,
      subject: { operator_id, operator_name },
      object: { ...what, ...(was === undefined ? {} : { was }) },
      hostname,
    }
    audit(session, record).catch((error: unknown) =>
      log.error('audit record lost', { session_id, error: describeError(error) }),
    )
  }

  return ({ changes }) => {
    for (const change of changes) {
      if (change.type !== 'session_put') continue
      const { session, was } = change
      if (was !== session.state) note(session, was)
      watch.changed(session.id)
    }
  }
}

const actions = { opening: 'opened', open: 'ready', closed: 'closed' } as const
