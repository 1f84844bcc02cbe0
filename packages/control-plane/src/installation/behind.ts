import type { Heeded } from '@plexd/protocol'
import type { NodeRecord } from '../mesh/fleet.ts'
import { type Announced, whyAhead } from './sequence.ts'

export interface Behind {
  node_id: string
  hostname: string
  reason: string
}

/** The nodes that have not said that they trust an authority, with the reason. Pure. */
export function behindOf(
  nodes: Iterable<NodeRecord>,
  { fingerprint, ...last }: Announced & { fingerprint: string },
  heededBy: (nodeId: string) => Heeded | undefined,
): Behind[] {
  return Array.from(nodes).flatMap((node) => {
    const heeded = heededBy(node.id)
    if (heeded?.authorities.includes(fingerprint)) return []
    return { node_id: node.id, hostname: node.hostname, reason: reasonOf(node, heeded, last) }
  })
}

/** The nodes that ignore what is announced. Pure. */
export function aheadOf(
  nodes: Iterable<NodeRecord>,
  last: Announced,
  heededBy: (nodeId: string) => Heeded | undefined,
): Behind[] {
  return Array.from(nodes).flatMap(({ id, hostname }) => {
    const reason = whyAhead(heededBy(id)?.announcement, last)
    return reason === undefined ? [] : [{ node_id: id, hostname, reason }]
  })
}

function reasonOf(
  { is_go, status }: NodeRecord,
  heeded: Heeded | undefined,
  last: Announced,
): string {
  if (is_go) return 'it runs the Go agent, which cannot be told: give it the new ca.crt'
  if (heeded !== undefined && heeded.problem !== '') return heeded.problem
  const ahead = whyAhead(heeded?.announcement, last)
  if (ahead !== undefined) return ahead
  return status === 'online' ? 'it has not said so yet' : `it is ${status}`
}

const maxShown = 100

/** The first of them under a name, and how many there are: `behind` and `behind_count`. Pure. */
export function firstOf<Name extends string>(name: Name, all: readonly Behind[]) {
  return { [name]: all.slice(0, maxShown), [`${name}_count`]: all.length } as Record<
    Name,
    Behind[]
  > &
    Record<`${Name}_count`, number> // computed keys have no types
}
