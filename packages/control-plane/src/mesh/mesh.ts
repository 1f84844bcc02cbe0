import { type Cidr, formatCidr, parseIpv4 } from '@plexd/protocol'
import type { PolicyRecord } from './fleet.ts'
import { isNodeId, type MeshNode, parseSide, type Side, sideHas } from './rule-side.ts'

/** All that decides who may talk to whom in one tenant, as it is at one moment. */
export interface Mesh<N extends MeshNode = MeshNode> {
  readonly range: Cidr
  /** Can be walked again and again. */
  readonly nodes: Iterable<N>
  /** In the order they apply. */
  readonly policies: readonly MeshPolicy[]
  /** The nodes of a side by address; worked out once. */
  members(side: Side): readonly N[]
}

export type MeshPolicy = Pick<PolicyRecord, 'id' | 'rules'>

export function createMesh<N extends MeshNode>(
  parts: Pick<Mesh<N>, 'range' | 'nodes' | 'policies'>,
): Mesh<N> {
  const known = new Map<Side, readonly N[]>()
  let sorted: readonly N[] | undefined
  return {
    ...parts,
    members(side) {
      sorted ??= byAddress(parts.nodes)
      let members = known.get(side)
      if (!members) {
        members = sorted.filter((node) => sideHas(side, node))
        known.set(side, members)
      }
      return members
    },
  }
}

function byAddress<N extends MeshNode>(nodes: Iterable<N>): N[] {
  return Array.from(nodes, (node) => ({ node, address: parseIpv4(node.mesh_ip) }))
    .sort((a, b) => a.address - b.address)
    .map(({ node }) => node)
}

/** A rule with its sides read. Port 0 is any port, protocol `""` any protocol. */
export interface MeshRule {
  readonly from: Side
  readonly to: Side
  readonly port: number
  readonly protocol: '' | 'tcp' | 'udp' | 'icmp'
  readonly action: 'allow' | 'deny'
}

/** A rule that has no effect, and never a wider one: one of its sides cannot be read, or names a node that is not there. */
export interface SkippedRule {
  policy_id: string
  rule: number
  reason: string
}

interface Reading {
  range: Cidr
  rules: readonly MeshRule[]
  skipped: readonly SkippedRule[]
}

// Reading the sides is most of the work of asking about them. Records are immutable, so a reading stays true.
const readings = new WeakMap<MeshPolicy, Reading>()

/** The rules of a policy whose sides can be read, in their order. */
export function rulesOf(policy: MeshPolicy, range: Cidr): readonly MeshRule[] {
  return readingOf(policy, range).rules
}

/** The rules of a policy that have no effect for want of a side: an operator has to hear of them. */
export function skippedRules(policy: MeshPolicy, mesh: Mesh): SkippedRule[] {
  const ids = new Set([...mesh.nodes].map(({ id }) => id))
  const missing = policy.rules.flatMap(({ from, to }, rule) =>
    [from, to]
      .filter((text) => isNodeId(text) && !ids.has(text))
      .map((text) => ({ policy_id: policy.id, rule, reason: `there is no node "${text}"` })),
  )
  return [...readingOf(policy, mesh.range).skipped, ...missing]
}

function readingOf(policy: MeshPolicy, range: Cidr): Reading {
  const known = readings.get(policy)
  if (known && formatCidr(known.range) === formatCidr(range)) return known
  const reading = read(policy, range)
  readings.set(policy, reading)
  return reading
}

function read(policy: MeshPolicy, range: Cidr): Reading {
  const rules: MeshRule[] = []
  const skipped: SkippedRule[] = []
  // One object for each text, so that who is on it is worked out once however many rules name it.
  const sides = new Map<string, Side>()
  const sideOf = (text: string): Side => {
    const side = sides.get(text) ?? parseSide(text, range)
    sides.set(text, side)
    return side
  }
  for (const [index, { from, to, port = 0, protocol, action }] of policy.rules.entries()) {
    try {
      rules.push({
        from: sideOf(from),
        to: sideOf(to),
        port,
        protocol: protocol === undefined || protocol === 'any' ? '' : protocol,
        action,
      })
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      skipped.push({ policy_id: policy.id, rule: index, reason: error.message })
    }
  }
  return { range, rules, skipped }
}
