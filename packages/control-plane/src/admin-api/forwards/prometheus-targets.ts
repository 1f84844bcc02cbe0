import { adminApi, type Capabilities, isLoopback, type PrometheusTarget } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { readCapabilitiesOf } from '../../rows/fleet/node-lookups.ts'

export const listPrometheusTargets = handle(
  adminApi.listPrometheusTargets,
  async ({ principal }, { fleet, store }: State) => {
    const ids = Array.from(fleet.nodes(principal.tenant_id), ({ id }) => id)
    const announced = await readCapabilitiesOf(store.reader, ids)
    return announced.flatMap(({ id, capabilities: text }) => {
      const node = fleet.node(id)
      const capabilities: Capabilities = text === null ? {} : JSON.parse(text)
      const target = node && targetOf(node, capabilities.metrics?.listen)
      return target ? [target] : []
    })
  },
)

/** Where Prometheus reaches what the node listens on; undefined if it does not. Labels with two underscores are for relabelling, and not kept. */
export function targetOf(
  { id, hostname, mesh_ip, labels }: Pick<NodeRecord, 'id' | 'hostname' | 'mesh_ip' | 'labels'>,
  listen: string | undefined,
): PrometheusTarget | undefined {
  const [, host = '', port] = /^(.*):(\d{1,5})$/.exec(listen ?? '') ?? []
  const plain = host.replace(/^\[|\]$/g, '')
  if (port === undefined || isLoopback(plain)) return undefined
  const address = ['', '*', '0.0.0.0', '::'].includes(plain) ? mesh_ip : plain
  const own = Object.entries(labels).map(
    ([key, value]) => [`__meta_plexd_label_${key.replace(/\W/g, '_')}`, value] as const,
  )
  return {
    targets: [`${address.includes(':') ? `[${address}]` : address}:${port}`],
    labels: { node: hostname, node_id: id, ...Object.fromEntries(own) },
  }
}
