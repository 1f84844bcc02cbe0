import { createHash } from 'node:crypto'
import { type CompiledPolicy, formatCidr, parseCidr, parseIpv4 } from '@plexd/protocol'
import { meshMark } from '../../routing/routing-plan.ts'
import { layerRules } from './layers.ts'
import { type MeshIpOf, matchRules, type Range, type RuleMatch } from './rule-match.ts'

/** What the table `inet plexd` shall say, independent of what it says now. */
export interface Ruleset {
  interface: string
  wireguardPort: number
  /** Undefined until the node is registered. */
  meshIp: string | undefined
  /** The ranges of the mesh (CIDR), none of which overlap; undefined where nobody knows. */
  meshRanges: readonly string[] | undefined
  /** What of those is not of the mesh (CIDR or address); undefined where nobody knows. */
  exceptions: readonly string[] | undefined
  /** Of the mesh interface. */
  mtu: number
  defaultAction: 'allow' | 'deny'
  logDenied: boolean
  /** Rules to be tried in this order; the rules of one layer have no flow in common. */
  layers: readonly (readonly RuleMatch[])[]
  /** Of all of the above: two rulesets with the same digest are the same. */
  digest: string
}

export interface RulesetOptions {
  /** The mesh interface; of packets on others only those are looked at that are for the address of the mesh. */
  interface: string
  /** From which WireGuard sends what it has encrypted. */
  wireguardPort: number
  /** This node's; undefined until it is registered. */
  meshIp?: string | undefined
  /** The ranges of the mesh (CIDR), none of which overlap. */
  meshRanges?: readonly string[] | undefined
  /** What of those is not of the mesh (CIDR or address); undefined where nobody knows. */
  exceptions?: readonly string[] | undefined
  /** Of the mesh interface. */
  mtu: number
  /** For flows that no rule is about. */
  defaultAction: 'allow' | 'deny'
  /** Whether the kernel log names denied packets, at most five per second. */
  logDenied: boolean
  meshIpOf: MeshIpOf
}

/** The ruleset of these policies, and a sentence for each rule that had to be skipped. */
export function compileRuleset(
  policies: readonly CompiledPolicy[],
  { meshIpOf, ...options }: RulesetOptions,
): { ruleset: Ruleset; problems: string[] } {
  const { interface: name, meshIp, meshRanges, exceptions } = options
  // The name is written into the text for nft.
  if (!/^[\w.-]{1,15}$/.test(name)) throw new RangeError(`interface name "${name}" is not usable`)
  if (meshIp !== undefined) parseIpv4(meshIp) // and so are these
  for (const text of [...(meshRanges ?? []), ...(exceptions ?? [])]) parseCidr(text)
  const { matches, problems } = matchRules(policies, meshIpOf)
  const ruleset = {
    meshIp,
    meshRanges,
    exceptions,
    ...options,
    layers: layerRules(matches),
    digest: '',
  }
  return { ruleset: { ...ruleset, digest: digestOf(ruleset) }, problems }
}

/**
 * What is built beside the ruleset in force, in a first transaction, under names with a new generation's number:
 * nothing leads to it yet.
 *
 * Every packet is judged by the first packet of its flow: `ct original` is the addresses, protocol and port with which
 * the flow began, also in replies and in ICMP errors about it. So one list of rules serves both directions, replies to
 * what is allowed pass, and a flow whose rule is gone stops with its next packet: no rule accepts "established", and
 * no connection has to be looked up and cut. As the tuple is the one before address translation, a rule about a port
 * that Docker publishes means the port as the peer sees it.
 */
export function buildText(ruleset: Ruleset, generation: number): string {
  const { decide, denied, allowed, maps } = namesOf(ruleset, generation)
  const byDefault = ruleset.defaultAction === 'allow' ? `goto ${allowed}` : `goto ${denied}`
  const verdicts = { allow: `goto ${allowed}`, deny: `goto ${denied}` }
  return `table inet plexd {
	chain ${denied} {
${ruleset.logDenied ? `\t\t${logDenied}\n` : ''}\t\tcounter drop comment "${ownNames.denied}"
	}
	chain ${allowed} {
		meta mark set mark or 0x${passMark.toString(16)} accept
	}
${ruleset.layers.map((layer, index) => mapText(maps[index], layer, verdicts)).join('')}\
	chain ${decide} {
		meta nfproto != ipv4 counter drop comment "${ownNames.otherFamily}"
		ct state invalid,untracked counter goto ${denied} comment "${ownNames.noFlow}"
${maps.map(searchText).join('')}\
		counter ${byDefault} comment "${ownNames.byDefault}"
	}
}
`
}

/**
 * The second transaction, in which every packet goes from the old rules to the new: the base chains stay and are
 * filled anew, and the kernel walks a chain at one generation. Replacing the whole table would not do: the new base
 * chains run beside the old ones while either is empty, and older kernels can miss elements of a map while the
 * transaction ends that made it.
 *
 * An address belongs to the machine, not to an interface: without the first rules a neighbour in the local network could
 * send to the mesh address around the mesh, and around the policies. Without the last but one, what WireGuard has encrypted for a peer whose endpoint lies inside the
 * mesh would be encrypted again, and again: hundreds of thousands of packets a second.
 */
export function switchText(ruleset: Ruleset, generation: number): string {
  const { decide } = namesOf(ruleset, generation)
  const jump = (chain: string, direction: 'iifname' | 'oifname'): string =>
    `add rule inet plexd ${chain} ${direction} "${ruleset.interface}" jump ${decide}\n`
  const around = (chain: string): string =>
    dropText(chain, aroundTexts(ruleset), ownNames.around) +
    dropText(chain, strangeTexts(ruleset), ownNames.strange)
  return `table inet plexd {
${Object.entries(hooks)
  .map(([chain, hook]) => `\tchain ${chain} {\n\t\ttype filter hook ${hook}; policy accept;\n\t}\n`)
  .join('')}}
${baseChains.map((chain) => `flush chain inet plexd ${chain}\n`).join('')}\
${around('input')}${around('forward')}${jump('input', 'iifname')}${jump('forward', 'iifname')}${jump('forward', 'oifname')}\
add rule inet plexd output oifname "${ruleset.interface}" udp sport ${ruleset.wireguardPort} counter drop comment "${ownNames.loop}"
${jump('output', 'oifname')}${markText(ruleset)}${segmentsText(ruleset)}${clearText(ruleset)}`
}

function dropText(chain: string, matches: readonly string[], name: string): string {
  return matches
    .map((match) => `add rule inet plexd ${chain} ${match} counter drop comment "${name}"\n`)
    .join('')
}

/**
 * What is for the mesh address, and does not come through the mesh: what begins a flow, and what belongs to none. Another
 * program may have packets go untracked (NOTRACK), and of those nobody knows how they began.
 */
export function aroundTexts({
  interface: name,
  meshIp,
}: Pick<Ruleset, 'interface' | 'meshIp'>): string[] {
  if (meshIp === undefined) return []
  const elsewhere = `iifname != { "lo", "${name}" }`
  return [
    `${elsewhere} ct direction original ct original ip daddr ${meshIp}`,
    `${elsewhere} ct state invalid,untracked ip daddr ${meshIp}`,
  ]
}

/**
 * WireGuard's packets from peers whose own address lies in a range of the mesh get the mark of those that go there: else a
 * kernel that checks which way an answer would take (rp_filter) finds the mesh, and drops them. The upper half of the
 * mark is left to others.
 */
function markText({ interface: name, meshRanges, wireguardPort }: Ruleset): string {
  if (meshRanges === undefined) return ''
  return `add rule inet plexd from_peers iifname != "${name}" ip saddr ${amongText(meshRanges)} udp dport ${wireguardPort} meta mark set mark and 0xffff0000 or 0x${meshMark.toString(16)}\n`
}

/** Connections through this machine into the mesh know nothing of its MTU: where no ICMP tells them, they would hang. */
function segmentsText({ interface: name, mtu }: Ruleset): string {
  return ['iifname', 'oifname']
    .map(
      (direction) =>
        `add rule inet plexd segments ${direction} "${name}" tcp flags syn tcp option maxseg size set ${mtu - tcpHeaderBytes}\n`,
    )
    .join('')
}

/**
 * What is for the mesh leaves by its interface, and no other: the routing sees to that, and somebody may take it away.
 * What WireGuard sends is encrypted; a part of a range may be a network of this machine.
 */
function clearText({ interface: name, ...ruleset }: Ruleset): string {
  const isOfMesh = ofMeshText('daddr', ruleset)
  if (isOfMesh === undefined) return ''
  return `add rule inet plexd in_clear oifname != { "lo", "${name}" } ${isOfMesh} counter drop comment "${ownNames.inClear}"\n`
}

/**
 * The same for what comes in: who has an address of the mesh is one of its nodes, whoever asks. A neighbour who takes one
 * to send from would be believed by programs that go by it, at an address of this machine about which no policy says anything.
 */
function strangeTexts({ interface: name, ...ruleset }: Ruleset): string[] {
  const isOfMesh = ofMeshText('saddr', ruleset)
  if (isOfMesh === undefined) return []
  return ['ct direction original', 'ct state invalid,untracked'].map(
    (begun) => `iifname != { "lo", "${name}" } ${begun} ${isOfMesh}`,
  )
}

/** Packets from or for an address of the mesh, without those of WireGuard; undefined where not all of it is known. */
function ofMeshText(
  end: 'saddr' | 'daddr',
  { meshRanges, exceptions }: Pick<Ruleset, 'meshRanges' | 'exceptions'>,
): string | undefined {
  if (meshRanges === undefined || exceptions === undefined) return undefined
  const others = exceptions.length === 0 ? '' : ` ip ${end} != { ${exceptions.join(', ')} }`
  return `ip ${end} ${amongText(meshRanges)}${others} meta mark and 0xffff != 0x${meshMark.toString(16)}`
}

/** One stands by itself. */
function amongText(ranges: readonly string[]): string {
  return ranges.length === 1 ? `${ranges[0]}` : `{ ${ranges.join(', ')} }`
}

/** Of IPv4 and TCP without options. */
const tcpHeaderBytes = 40

/** Chains and maps that a table with this ruleset consists of, and how many lines or elements each has. */
export function objectsOf(ruleset: Ruleset, generation: number): Map<string, number> {
  const { denied, allowed, decide, maps } = namesOf(ruleset, generation)
  const guards = aroundTexts(ruleset).length + strangeTexts(ruleset).length
  return new Map([
    ...maps.map((name, index): [string, number] => [name, ruleset.layers[index]?.length ?? 0]),
    [denied, ruleset.logDenied ? 2 : 1],
    [allowed, 1],
    [decide, 3 + 2 * maps.length],
    ['input', 2 + guards],
    ['forward', 3 + guards],
    ['output', 3],
    ['from_peers', markText(ruleset) === '' ? 1 : 2],
    ['segments', 3],
    ['in_clear', clearText(ruleset) === '' ? 1 : 2],
  ])
}

/**
 * On each packet that policy lets through, for the backstop, which takes it off again. One bit that nobody is known to
 * use: in the lower half Kubernetes has 0x4000 and 0x8000, portmap 0x2000, Cilium 0x0f00, and people have the small
 * numbers; the upper half is Calico's or Tailscale's. Nothing looks for a route between the two.
 */
export const passMark = 0x1000

/** The names under which packets are counted that no rule is about. */
export const ownNames = {
  denied: 'denied',
  byDefault: 'default',
  noFlow: 'no flow',
  otherFamily: 'not IPv4',
  around: 'around the mesh',
  loop: 'WireGuard in the mesh',
  inClear: 'for the mesh, in clear',
  strange: 'from the mesh, around it',
}

/** Where, and in which order among those of others, the kernel calls a chain. */
const hooks = {
  input: 'input priority filter',
  forward: 'forward priority filter',
  output: 'output priority filter',
  from_peers: 'prerouting priority mangle',
  segments: 'forward priority mangle',
  in_clear: 'postrouting priority filter',
}
/** Those that the kernel calls. */
export const baseChains = Object.keys(hooks)
const logDenied = 'limit rate 5/second burst 10 packets log prefix "plexd denied: "'

function namesOf({ layers }: Ruleset, generation: number) {
  return {
    denied: `denied_${generation}`,
    allowed: `allowed_${generation}`,
    decide: `decide_${generation}`,
    maps: layers.map((_, index) => `rules_${generation}_${index}`),
  }
}

type Verdicts = Readonly<Record<RuleMatch['action'], string>>

function mapText(
  name: string | undefined,
  layer: readonly RuleMatch[],
  verdicts: Verdicts,
): string {
  return `	map ${name} {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service : verdict
		flags interval
		counter
		elements = {
${layer.map((match) => `\t\t\t${elementText(match, verdicts)}`).join(',\n')}
		}
	}
`
}

function elementText(match: RuleMatch, verdicts: Verdicts): string {
  const { src, dst, protocols, ports, action, name } = match
  const key = [prefixText(src), prefixText(dst), rangeText(protocols), rangeText(ports)].join(' . ')
  return `${key} counter comment "${name}" : ${verdicts[action]}`
}

function searchText(map: string): string {
  const flow = 'ct original ip saddr . ct original ip daddr . ct protocol'
  // Only in this order does nft 1.0.6 know the type of `proto-dst`; ICMP stands here for errors about TCP and UDP.
  // Protocols without ports are in the maps with all ports, so that for them any two bytes will do.
  return `\t\tmeta l4proto { tcp, udp, icmp } ${flow} . ct original proto-dst vmap @${map}
\t\tmeta l4proto != { tcp, udp, icmp } ${flow} . th dport vmap @${map}
`
}

function prefixText({ first, last }: Range): string {
  const prefixLength = 32 - Math.log2(last - first + 1)
  const text = formatCidr({ family: 4, first, prefixLength })
  return prefixLength === 32 ? text.slice(0, -'/32'.length) : text
}

function rangeText({ first, last }: Range): string {
  return first === last ? String(first) : `${first}-${last}`
}

/** Of the texts rather than of the rules: a newer plexd that writes other text replaces what an older one wrote. */
function digestOf(ruleset: Ruleset): string {
  const text = buildText(ruleset, 0) + switchText(ruleset, 0)
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
