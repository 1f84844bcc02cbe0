import { type Cidr, type PolicyRule, parseIpv4, parseSide, type Side } from '@plexd/protocol'
import { type MeshNode, sideHas } from './rule-side.ts'

/** Everything that determines who may talk to whom in one tenant; a snapshot. */
export interface TenantMesh<N extends MeshNode = MeshNode> {
  /** Each node has an address from one of these ranges. */
  readonly ranges: readonly Cidr[]
  /** Can be iterated repeatedly. */
  readonly nodes: Iterable<N>
  /** In the order in which they apply. */
  readonly policies: readonly MeshPolicy[]
  /** The nodes that match a side, by address; computed once. */
  members(side: Side): readonly N[]
  /**
   * The mesh after a node was added (no `before`), removed (no `after`) or got other labels or another name. The cached members
   * of sides that it neither joins nor leaves are kept.
   */
  with(change: { before?: N | undefined; after?: N | undefined }): TenantMesh<N>
  /** Replaces the record of a node whose labels and address are unchanged. */
  refresh(node: N): void
}

export interface MeshPolicy {
  readonly id: string
  readonly rules: readonly PolicyRule[]
}

export function createTenantMesh<N extends MeshNode>(
  parts: Pick<TenantMesh<N>, 'ranges' | 'nodes' | 'policies'>,
  known = new Map<Side, N[]>(),
): TenantMesh<N> {
  let sorted: N[] | undefined
  return {
    ...parts,
    members: (side) =>
      known.getOrInsertComputed(side, () => {
        sorted ??= byAddress(parts.nodes)
        return sorted.filter((node) => sideHas(side, node))
      }),
    refresh(node) {
      const address = parseIpv4(node.mesh_ip)
      const put = (list: N[]): void => {
        const at = indexOf(list, address)
        if (list[at]?.id === node.id) list[at] = node
      }
      if (sorted) put(sorted)
      for (const [side, members] of known) if (sideHas(side, node)) put(members)
    },
    with: ({ before, after }) =>
      createTenantMesh(
        parts,
        new Map(known.entries().map(([side, list]) => [side, replaced(list, side, before, after)])),
      ),
  }
}

/** The members of a side after one node has changed. */
function replaced<N extends MeshNode>(
  members: N[],
  side: Side,
  before: N | undefined,
  after: N | undefined,
): N[] {
  const was = before !== undefined && sideHas(side, before)
  const is = after !== undefined && sideHas(side, after)
  if (!was && !is) return members
  const others = was ? members.filter(({ id }) => id !== before.id) : members
  if (!is) return others
  return others.toSpliced(indexOf(others, parseIpv4(after.mesh_ip)), 0, after)
}

/** The index of the address among the members, or where it would be inserted. */
function indexOf(members: readonly MeshNode[], address: number): number {
  let low = 0
  let high = members.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (parseIpv4(members[middle]?.mesh_ip ?? '') < address) low = middle + 1
    else high = middle
  }
  return low
}

function byAddress<N extends MeshNode>(nodes: Iterable<N>): N[] {
  return Array.from(nodes, (node) => ({ node, address: parseIpv4(node.mesh_ip) }))
    .sort((a, b) => a.address - b.address)
    .map(({ node }) => node)
}

/** A rule with its sides parsed. Port 0 is any port, protocol `""` any protocol. */
export interface MeshRule {
  /** Its index in the policy, from 0. */
  readonly index: number
  readonly from: Side
  readonly to: Side
  readonly port: number
  readonly protocol: '' | 'tcp' | 'udp' | 'icmp'
  readonly action: 'allow' | 'deny'
}

// Parsing the sides would dominate the cost of a query. Records are immutable, so the parsed form can be cached.
const readings = new WeakMap<MeshPolicy, { ranges: readonly Cidr[]; rules: readonly MeshRule[] }>()

/**
 * The rules of a policy with valid sides, in order. A rule with an invalid side, accepted by an older version, has no
 * effect, rather than a wider one.
 */
export function rulesOf(policy: MeshPolicy, ranges: readonly Cidr[]): readonly MeshRule[] {
  const known = readings.get(policy)
  if (known && isSame(known.ranges, ranges)) return known.rules
  const rules = read(policy, ranges)
  readings.set(policy, { ranges, rules })
  return rules
}

/** Fleet and draft have separate policy lists. */
function isSame(some: readonly Cidr[], others: readonly Cidr[]): boolean {
  return (
    some === others ||
    (some.length === others.length &&
      some.every(({ first, prefixLength }, at) => {
        const other = others[at]
        return first === other?.first && prefixLength === other.prefixLength
      }))
  )
}

function read(policy: MeshPolicy, ranges: readonly Cidr[]): MeshRule[] {
  const rules: MeshRule[] = []
  // One object per text, so that its members are computed once, however many rules use it.
  const sides = new Map<string, Side>()
  const sideOf = (text: string): Side =>
    sides.getOrInsertComputed(text, () => parseSide(text, ranges))
  for (const [index, { from, to, port = 0, protocol, action }] of policy.rules.entries()) {
    try {
      rules.push({
        index,
        from: sideOf(from),
        to: sideOf(to),
        port,
        protocol: protocol === undefined || protocol === 'any' ? '' : protocol,
        action,
      })
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  }
  return rules
}
