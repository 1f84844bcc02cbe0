import {
  type Client,
  type ControlApi,
  formatDuration,
  TunnelClosed,
  TunnelReady,
} from '@plexd/protocol'
import { type Clock, cutUtf8, describeError, type Log } from '@plexd/runtime'
import { type Static, Type } from 'typebox'
import type { Delivery, DeliveryDeps } from '../control/delivery.ts'
import { startQueueDelivery } from '../control/queue-delivery.ts'
import type { Queue } from '../queue/queue.ts'
import type { ClosedSession } from './link.ts'

/** What the control plane is told of a session. */
export const SessionReport = Type.Union([
  Type.Object({ session_id: Type.String(), ready: TunnelReady }),
  Type.Object({ session_id: Type.String(), closed: TunnelClosed }),
])
export type SessionReport = Static<typeof SessionReport>

/** Two for each session; after a long outage the latest are enough. */
export const maxSessionReports = 4_096

/** How a session has ended, as far as it is known. */
export type SessionEnd = Pick<ClosedSession, 'session_id' | 'reason' | 'detail'> &
  Partial<ClosedSession>

export interface SessionReports {
  ready(sessionId: string, listenAddr: string): Promise<void>
  /** Both resolve when it is on the disk, or in memory while that takes nothing; they do not reject. */
  closed(end: SessionEnd): Promise<void>
}

/** In bytes; that of the wire contract is in characters. */
const maxDetailBytes = 1_024

export function createSessionReports(
  queue: Pick<Queue<SessionReport>, 'append'>,
  { clock, log }: { clock: Pick<Clock, 'now'>; log: Pick<Log, 'error'> },
): SessionReports {
  const timestamp = (): string => new Date(clock.now()).toISOString()

  async function add(report: SessionReport): Promise<void> {
    try {
      await queue.append([report])
    } catch (error) {
      const { session_id } = report
      log.error('report of a session is lost', { session_id, error: describeError(error) })
    }
  }

  return {
    ready: (session_id, listen_addr) =>
      add({ session_id, ready: { listen_addr, timestamp: timestamp() } }),
    closed: ({ session_id, reason, detail, duration_ms, bytes_in, bytes_out, chunks }) =>
      add({
        session_id,
        closed: {
          reason,
          timestamp: timestamp(),
          detail: cutUtf8(detail, maxDetailBytes),
          ...(duration_ms === undefined ? {} : { duration: formatDuration(duration_ms) }),
          ...(bytes_in === undefined ? {} : { bytes_in }),
          ...(bytes_out === undefined ? {} : { bytes_out }),
          ...(chunks === undefined ? {} : { recording_chunks: chunks }),
        },
      }),
  }
}

/** Time for what a stopping daemon has to say of its sessions. */
const flushMs = 1_000

/** Sends the reports until the control plane has them. */
export function startSessionDelivery(
  queue: Queue<SessionReport>,
  deps: DeliveryDeps & {
    client: Pick<Client<ControlApi>, 'tunnelReady' | 'tunnelClosed'>
    nodeId: string
  },
): Delivery {
  const { client, nodeId: node_id } = deps
  return startQueueDelivery(
    queue,
    {
      what: 'session report',
      async send(reports, signal) {
        for (const report of reports) {
          const params = { node_id, session_id: report.session_id }
          if ('ready' in report) await client.tunnelReady({ params, body: report.ready, signal })
          else await client.tunnelClosed({ params, body: report.closed, signal })
        }
      },
    },
    { ...deps, flushMs },
  )
}
