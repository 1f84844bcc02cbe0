import { meshMark } from '../../routing/tables/mesh-table.ts'
import { decidingChain, ownNames } from './deciding-chains.ts'

/** What surrounds the decisions: which packets they are about, and which pass in no case. */
export interface Surroundings {
  /** The mesh interface; on other interfaces only packets for mesh addresses are filtered. */
  interface: string
  /** The port from which WireGuard sends encrypted packets. */
  wireguardPort: number
  /** This node's mesh IP; undefined until it is registered. */
  meshIp?: string | undefined
  /** The ranges of the mesh (CIDR), without overlaps; undefined if unknown. */
  meshRanges?: readonly string[] | undefined
  /** The exceptions within those ranges (CIDR or address); undefined if unknown. */
  exceptions?: readonly string[] | undefined
  /** Of the mesh interface. */
  mtu: number
}

/** The hook and priority at which the kernel calls a chain. */
const hooks = {
  input: 'input priority filter',
  forward: 'forward priority filter',
  output: 'output priority filter',
  from_peers: 'prerouting priority mangle',
  segments: 'forward priority mangle',
  in_clear: 'postrouting priority filter',
}
/** The base chains. */
export const baseChains = Object.keys(hooks)

/**
 * The second transaction, which switches all packets from the old rules to the new: the base chains are kept and
 * refilled, and the kernel evaluates a chain in one generation. Replacing the whole table would not work: new base
 * chains would run beside the old ones while one of them is empty, and older kernels can miss elements of a map while
 * the transaction that creates it ends.
 */
export function switchText(ruleset: Surroundings, generation: number): string {
  return `table inet plexd {
${Object.entries(hooks)
  .map(([chain, hook]) => `\tchain ${chain} {\n\t\ttype filter hook ${hook}; policy accept;\n\t}\n`)
  .join('')}}
${baseChains.map((chain) => `flush chain inet plexd ${chain}\n`).join('')}\
${Object.entries(baseRules(ruleset, generation))
  .flatMap(([chain, rules]) => rules.map((rule) => `add rule inet plexd ${chain} ${rule}\n`))
  .join('')}`
}

/** The rules of the base chains. */
export function baseRules(
  ruleset: Surroundings,
  generation: number,
): Record<keyof typeof hooks, readonly string[]> {
  const { interface: name, meshRanges, wireguardPort, mtu } = ruleset
  const decide = decidingChain(generation)
  const fromMesh = `iifname "${name}"`
  const toMesh = `oifname "${name}"`
  const guards = [
    ...aroundTexts(ruleset).map((match) => `${match} ${dropText('around')}`),
    ...strangeTexts(ruleset).map((match) => `${match} ${dropText('strange')}`),
  ]
  // Connections forwarded into the mesh do not know its MTU, and would hang where ICMP is blocked.
  const clampSize = `tcp flags syn tcp option maxseg size set ${mtu - tcpHeaderBytes}`
  return {
    input: [...guards, `${fromMesh} jump ${decide}`],
    forward: [...guards, `${fromMesh} jump ${decide}`, `${toMesh} jump ${decide}`],
    output: [
      // Encrypted packets for a peer whose endpoint is inside the mesh range would be encrypted again and again:
      // hundreds of thousands of packets a second.
      `${toMesh} udp sport ${wireguardPort} ${dropText('loop')}`,
      `${toMesh} jump ${decide}`,
    ],
    // WireGuard's packets from peers whose own address is in a mesh range get the mark of outgoing ones: otherwise a
    // kernel with reverse path filtering (rp_filter) would look up the mesh route, and drop them. The upper half of
    // the mark is left to others.
    from_peers: (meshRanges ? [amongText(meshRanges)] : []).map(
      (mesh) =>
        `iifname != "${name}" ip saddr ${mesh} udp dport ${wireguardPort} meta mark set mark and 0xffff0000 or 0x${meshMark.toString(16)}`,
    ),
    segments: [`${fromMesh} ${clampSize}`, `${toMesh} ${clampSize}`],
    // Routing keeps packets for the mesh on its interface, but somebody may remove the rule.
    in_clear: ofMeshTexts('daddr', ruleset).map(
      (match) => `oifname != { "lo", "${name}" } ${match} ${dropText('inClear')}`,
    ),
  }
}

function dropText(name: keyof typeof ownNames): string {
  return `counter drop comment "${ownNames[name]}"`
}

/**
 * For packets to the mesh address that do not come through the mesh: Linux accepts packets for an address on any
 * interface, so a neighbour in the local network could bypass the policies. They are those that begin a flow, and those
 * without a flow: another program may disable tracking (NOTRACK), and then it is unknown how a flow began.
 */
export function aroundTexts({
  interface: name,
  meshIp,
}: Pick<Surroundings, 'interface' | 'meshIp'>): string[] {
  if (meshIp === undefined) return []
  const elsewhere = `iifname != { "lo", "${name}" }`
  return [
    `${elsewhere} ct direction original ct original ip daddr ${meshIp}`,
    `${elsewhere} ct state invalid,untracked ip daddr ${meshIp}`,
  ]
}

/**
 * The same for packets from mesh addresses, which only nodes may use. A neighbour who configured one
 * could otherwise impersonate a node to local programs, at an address of this machine that no policy covers.
 */
function strangeTexts(ruleset: Surroundings): string[] {
  return ofMeshTexts('saddr', ruleset).flatMap((match) =>
    ['ct direction original', 'ct state invalid,untracked'].map(
      (begun) => `iifname != { "lo", "${ruleset.interface}" } ${begun} ${match}`,
    ),
  )
}

/**
 * Packets from or to mesh addresses, except WireGuard's, which are encrypted, and parts of a range that are a network of
 * this machine. None if ranges or exceptions are unknown.
 */
function ofMeshTexts(
  end: 'saddr' | 'daddr',
  { meshRanges, exceptions }: Pick<Surroundings, 'meshRanges' | 'exceptions'>,
): string[] {
  if (!meshRanges || !exceptions) return []
  const others = exceptions.length === 0 ? '' : ` ip ${end} != { ${exceptions.join(', ')} }`
  return [
    `ip ${end} ${amongText(meshRanges)}${others} meta mark and 0xffff != 0x${meshMark.toString(16)}`,
  ]
}

/** A single one needs no braces. */
function amongText(ranges: readonly string[]): string {
  return ranges.length === 1 ? `${ranges[0]}` : `{ ${ranges.join(', ')} }`
}

/** The headers of IPv4 and TCP without options. */
const tcpHeaderBytes = 40
