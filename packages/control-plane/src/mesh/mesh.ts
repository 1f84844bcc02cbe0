import { type Cidr, type PolicyRule, parseIpv4, parseSide, type Side } from '@plexd/protocol'
import { type MeshNode, sideHas } from './rule-side.ts'

/** All that decides who may talk to whom in one tenant, as it is at one moment. */
export interface Mesh<N extends MeshNode = MeshNode> {
  /** All addresses; a node has its own from one of them. */
  readonly ranges: readonly Cidr[]
  /** Can be walked again and again. */
  readonly nodes: Iterable<N>
  /** In the order they apply. */
  readonly policies: readonly MeshPolicy[]
  /** The nodes of a side by address; worked out once. */
  members(side: Side): readonly N[]
  /**
   * The mesh after a node came (`before` left out), went (`after` left out) or has other labels or another name. What was worked out
   * of the sides that it neither joins nor leaves stays.
   */
  with(change: { before?: N; after?: N }): Mesh<N>
  /** Puts the record of a node with the same labels and address in the place of its last one. */
  refresh(node: N): void
}

export interface MeshPolicy {
  readonly id: string
  readonly rules: readonly PolicyRule[]
}

export function createMesh<N extends MeshNode>(
  parts: Pick<Mesh<N>, 'ranges' | 'nodes' | 'policies'>,
  known = new Map<Side, N[]>(),
): Mesh<N> {
  let sorted: N[] | undefined
  return {
    ...parts,
    members(side) {
      let members = known.get(side)
      if (!members) {
        sorted ??= byAddress(parts.nodes)
        members = sorted.filter((node) => sideHas(side, node))
        known.set(side, members)
      }
      return members
    },
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
      createMesh(
        parts,
        new Map(known.entries().map(([side, list]) => [side, replaced(list, side, before, after)])),
      ),
  }
}

/** The members of a side after a change of one node. */
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

/** Where the address stands among members, or would. */
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

/** A rule with its sides read. Port 0 is any port, protocol `""` any protocol. */
export interface MeshRule {
  /** Its place in the policy, from 0. */
  readonly index: number
  readonly from: Side
  readonly to: Side
  readonly port: number
  readonly protocol: '' | 'tcp' | 'udp' | 'icmp'
  readonly action: 'allow' | 'deny'
}

interface Reading {
  ranges: readonly Cidr[]
  rules: readonly MeshRule[]
}

// Reading the sides is most of the work of asking about them. Records are immutable, so a reading stays true.
const readings = new WeakMap<MeshPolicy, Reading>()

/**
 * The rules of a policy whose sides can be read, in their order. Others, which an older version took, have no effect,
 * and never a wider one.
 */
export function rulesOf(policy: MeshPolicy, ranges: readonly Cidr[]): readonly MeshRule[] {
  return readingOf(policy, ranges).rules
}

function readingOf(policy: MeshPolicy, ranges: readonly Cidr[]): Reading {
  const known = readings.get(policy)
  if (known && isSame(known.ranges, ranges)) return known
  const reading = read(policy, ranges)
  readings.set(policy, reading)
  return reading
}

/** Fleet and draft have lists of their own. */
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

function read(policy: MeshPolicy, ranges: readonly Cidr[]): Reading {
  const rules: MeshRule[] = []
  // One object for each text, so that who is on it is worked out once however many rules name it.
  const sides = new Map<string, Side>()
  const sideOf = (text: string): Side => {
    const side = sides.get(text) ?? parseSide(text, ranges)
    sides.set(text, side)
    return side
  }
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
  return { ranges, rules }
}
