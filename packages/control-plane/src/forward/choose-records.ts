import { matches, parseSelector } from '@plexd/protocol'
import type { ForwardSettings } from '../config/forwards.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { withReported } from '../mesh/labels/labels.ts'
import type { ArrivalPage } from '../telemetry/store.ts'
import type { Outgoing } from './protocols/outgoing.ts'

export type ChooseRecords = (records: ArrivalPage['records']) => Outgoing<unknown>[]

/** Those that the settings want, each with its node. A node that was removed has no labels, and is called as its records say. */
export function createChooseRecords(
  { tenant: wanted, selector: text }: Pick<ForwardSettings, 'tenant' | 'selector'>,
  fleet: Pick<Fleet, 'node' | 'tenant'>,
): ChooseRecords {
  const selector = text === undefined ? [] : parseSelector(text)
  return (records) =>
    records.flatMap(({ tenant_id, node_id, received_at, record: json }) => {
      const tenant = fleet.tenant(tenant_id)?.name ?? tenant_id
      if (wanted !== undefined && tenant !== wanted) return []
      const node = fleet.node(node_id)
      if (selector.length > 0 && !(node && matches(selector, withReported(node).labels))) return []
      const record: { hostname?: string } = JSON.parse(json)
      const hostname = node?.hostname ?? record.hostname ?? node_id
      return { origin: { node_id, hostname, tenant }, received_at, record, bytes: json.length }
    })
}
