import type { DatabaseSync } from 'node:sqlite'
import {
  type Client,
  type ControlApi,
  type DriftReport,
  formatNode,
  type Peer,
} from '@plexd/protocol'
import { type Delivery, type DeliveryDeps, startDelivery } from '../control/delivery.ts'
import type { Correction } from './plan.ts'

/** Reports the corrections of reconciliation to the control plane. */
export interface DriftReports extends AsyncDisposable {
  /** Durable when it returns, sent in the background; does nothing without corrections. */
  add(corrections: readonly Correction[]): void
  wake(): void
}

export interface DriftReportDeps extends DeliveryDeps {
  database: DatabaseSync
  client: Pick<Client<ControlApi>, 'reportDrift'>
  nodeId: string
}

/** After a long outage the latest are enough. */
const maxReports = 200
/** Per report, so that its size stays below any server's limit. */
const maxCorrections = 1_000

export function startDriftReports(deps: DriftReportDeps): DriftReports {
  const { database, client, nodeId, clock } = deps
  const insert = database.prepare('INSERT INTO drift_reports (report) VALUES (?)')
  const trim = database.prepare(
    `DELETE FROM drift_reports WHERE id <= (SELECT max(id) FROM drift_reports) - ${maxReports}`,
  )
  const select = database.prepare('SELECT id, report FROM drift_reports ORDER BY id LIMIT 50')
  const remove = database.prepare('DELETE FROM drift_reports WHERE id = ?')

  const delivery: Delivery = startDelivery<{ id: number; report: DriftReport }>(
    {
      name: 'drift report',
      pending: () =>
        select.all().map((row) => ({ id: Number(row.id), report: JSON.parse(String(row.report)) })),
      async send({ report }, signal) {
        await client.reportDrift({ params: { node_id: nodeId }, body: report, signal })
      },
      remove: ({ id }) => void remove.run(id),
    },
    deps,
  )

  return {
    add(corrections) {
      if (corrections.length === 0) return
      const timestamp = new Date(clock.now()).toISOString()
      for (let at = 0; at < corrections.length; at += maxCorrections) {
        const part = corrections.slice(at, at + maxCorrections).map(describeCorrection)
        const report: DriftReport = { timestamp, corrections: part }
        insert.run(JSON.stringify(report))
      }
      trim.run()
      delivery.wake()
    },
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
