import type { Heeded } from '@plexd/protocol'
import type { NodeRecord } from '../mesh/fleet.ts'

export interface Behind {
  node_id: string
  hostname: string
  reason: string
}

/** The nodes that have not said that they trust an authority, with the reason. Pure. */
export function behindOf(
  nodes: Iterable<NodeRecord>,
  fingerprint: string,
  heededBy: (nodeId: string) => Heeded | undefined,
): Behind[] {
  return Array.from(nodes).flatMap((node) => {
    const heeded = heededBy(node.id)
    if (heeded?.authorities.includes(fingerprint)) return []
    return { node_id: node.id, hostname: node.hostname, reason: reasonOf(node, heeded) }
  })
}

function reasonOf({ is_go, status }: NodeRecord, heeded: Heeded | undefined): string {
  if (is_go) return 'it runs the Go agent, which cannot be told: give it the new ca.crt'
  if (heeded !== undefined && heeded.problem !== '') return heeded.problem
  return status === 'online' ? 'it has not said so yet' : `it is ${status}`
}
