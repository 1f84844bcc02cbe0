import {
  type Client,
  type ControlApi,
  type DriftReport,
  formatNode,
  type Peer,
} from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import type { DeliveryDeps } from '../control/delivery.ts'
import { startQueueDelivery } from '../control/queue-delivery.ts'
import type { Queue } from '../queue/queue.ts'
import type { Correction } from './plan.ts'

/** Reports the corrections of reconciliation to the control plane. */
export interface DriftReports extends AsyncDisposable {
  /** Queued and sent in the background; does nothing without corrections. */
  add(corrections: readonly Correction[]): void
  /** How many the control plane has refused for good since the start. */
  refused(): number
  wake(): void
}

export interface DriftReportDeps extends DeliveryDeps {
  queue: Queue<DriftReport>
  client: Pick<Client<ControlApi>, 'reportDrift'>
  nodeId: string
}

/** After a long outage the latest are enough. */
export const maxDriftReports = 200
/** Per report, so that its size stays below any server's limit. */
const maxCorrections = 1_000

export function startDriftReports(deps: DriftReportDeps): DriftReports {
  const { queue, client, nodeId, clock, log } = deps
  const delivery = startQueueDelivery(
    queue,
    {
      what: 'drift report',
      async send(reports, signal) {
        for (const body of reports)
          await client.reportDrift({ params: { node_id: nodeId }, body, signal })
      },
    },
    deps,
  )

  return {
    add(corrections) {
      if (corrections.length === 0) return
      const timestamp = new Date(clock.now()).toISOString()
      const reports: DriftReport[] = []
      for (let at = 0; at < corrections.length; at += maxCorrections) {
        const part = corrections.slice(at, at + maxCorrections).map(describeCorrection)
        reports.push({ timestamp, corrections: part })
      }
      queue
        .append(reports)
        .catch((error: unknown) =>
          log.warn('drift report is lost', { error: describeError(error) }),
        )
    },
    refused: delivery.refused,
    wake: delivery.wake,
    [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose](),
  }
}

/** A correction's type and detail, for the report and for people. */
export function describeCorrection(correction: Correction): { type: string; detail: string } {
  const { type } = correction
  switch (type) {
    case 'peer_added':
      return { type, detail: `${nameOf(correction.peer)} was missing from the WireGuard interface` }
    case 'peer_updated':
      return {
        type,
        detail: `${nameOf(correction.peer)} had other settings on the WireGuard interface`,
      }
    case 'peer_removed':
      return {
        type,
        detail: `${correction.peer_id || correction.public_key} is no peer of this node`,
      }
    case 'interface_repaired':
    case 'firewall_restored':
      return { type, detail: correction.detail }
    case 'policy_added':
    case 'policy_removed':
      return { type, detail: `policy ${correction.policy_id}` }
    case 'signing_keys_updated':
      return { type, detail: 'signing keys rotated' }
    default:
      return { type, detail: type.replaceAll('_', ' ') }
  }
}

function nameOf({ id, hostname }: Peer): string {
  return formatNode(id, hostname)
}
