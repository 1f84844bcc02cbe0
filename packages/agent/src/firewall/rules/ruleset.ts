import { createHash } from 'node:crypto'
import { type CompiledPolicy, formatCidr, parseCidr, parseIpv4 } from '@plexd/protocol'
import { meshMark } from '../../routing/routing-plan.ts'
import { layerRules } from './layers.ts'
import { type MeshIpOf, matchRules, type Range, type RuleMatch } from './rule-match.ts'

/** The desired table `inet plexd`, independent of its actual contents. */
export interface Ruleset extends Omit<RulesetOptions, 'meshIpOf'> {
  /** Layers in order of lookup; the rules of one layer share no flow. */
  layers: readonly (readonly RuleMatch[])[]
  /** Of all else here: equal digests mean equal rulesets. */
  digest: string
}

export interface RulesetOptions {
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
  /** The verdict for flows that no rule matches. */
  defaultAction: 'allow' | 'deny'
  /** Whether denied packets are written to the kernel log, at most five per second. */
  logDenied: boolean
  meshIpOf: MeshIpOf
}

/** The ruleset of these policies, and a message for each skipped rule. */
export function compileRuleset(
  policies: readonly CompiledPolicy[],
  { meshIpOf, ...options }: RulesetOptions,
): { ruleset: Ruleset; problems: string[] } {
  const { interface: name, meshIp, meshRanges, exceptions } = options
  // Validated, because the name becomes part of the text for nft.
  if (!/^[\w.-]{1,15}$/.test(name)) throw new RangeError(`interface name "${name}" is not usable`)
  if (meshIp !== undefined) parseIpv4(meshIp) // so do these
  for (const text of [...(meshRanges ?? []), ...(exceptions ?? [])]) parseCidr(text)
  const { matches, problems } = matchRules(policies, meshIpOf)
  const ruleset = { ...options, layers: layerRules(matches), digest: '' }
  return { ruleset: { ...ruleset, digest: digestOf(ruleset) }, problems }
}

/**
 * The first transaction: new chains and maps, built beside the ruleset in force, with the number of a new generation in
 * their names. Nothing refers to them yet.
 *
 * Every packet is judged by the first packet of its flow: `ct original` is the addresses, protocol and port with which
 * the flow began, also in replies and in ICMP errors about it. So one list of rules serves both directions, replies to
 * allowed flows pass, and a flow whose rule was removed stops with its next packet: no rule accepts "established", and
 * no connections have to be deleted. As the tuple is from before address translation, a rule about a port
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
 * The second transaction, which switches all packets from the old rules to the new: the base chains are kept and
 * refilled, and the kernel evaluates a chain in one generation. Replacing the whole table would not work: new base
 * chains would run beside the old ones while one of them is empty, and older kernels can miss elements of a map while
 * the transaction that creates it ends.
 */
export function switchText(ruleset: Ruleset, generation: number): string {
  return `table inet plexd {
${Object.entries(hooks)
  .map(([chain, hook]) => `\tchain ${chain} {\n\t\ttype filter hook ${hook}; policy accept;\n\t}\n`)
  .join('')}}
${baseChains.map((chain) => `flush chain inet plexd ${chain}\n`).join('')}\
${Object.entries(baseRules(ruleset, generation))
  .flatMap(([chain, rules]) =>
    rules.map(
      (rule) => `add rule inet plexd ${chain} ${rule}
`,
    ),
  )
  .join('')}`
}

/** The rules of the base chains. */
function baseRules(
  ruleset: Ruleset,
  generation: number,
): Record<keyof typeof hooks, readonly string[]> {
  const { interface: name, meshRanges, wireguardPort, mtu } = ruleset
  const { decide } = namesOf(ruleset, generation)
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
}: Pick<Ruleset, 'interface' | 'meshIp'>): string[] {
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
function strangeTexts(ruleset: Ruleset): string[] {
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
  { meshRanges, exceptions }: Pick<Ruleset, 'meshRanges' | 'exceptions'>,
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

/** The chains and maps of a table with this ruleset, with their numbers of lines or elements. */
export function objectsOf(ruleset: Ruleset, generation: number): Map<string, number> {
  const { denied, allowed, decide, maps } = namesOf(ruleset, generation)
  const filled = Object.entries(baseRules(ruleset, generation))
  return new Map([
    ...maps.map((name, index): [string, number] => [name, ruleset.layers[index]?.length ?? 0]),
    [denied, ruleset.logDenied ? 2 : 1],
    [allowed, 1],
    [decide, 3 + 2 * maps.length],
    // The first line of a base chain is its hook.
    ...filled.map(([chain, rules]): [string, number] => [chain, 1 + rules.length]),
  ])
}

/**
 * Set on each packet that policy allows, for the backstop, which clears it again. One bit without known other
 * users: in the lower half Kubernetes has 0x4000 and 0x8000, portmap 0x2000, Cilium 0x0f00, and people use small
 * numbers; the upper half is Calico's or Tailscale's. No routing decision happens while it is set.
 */
export const passMark = 0x1000

/** The names of the counters for packets that no rule matches. */
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
  // nft 1.0.6 infers the type of `proto-dst` only in this order; ICMP is here for errors about TCP and UDP.
  // Protocols without ports are in the maps with all ports, so any two bytes match.
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

/** Of the texts rather than of the rules, so that a newer plexd with other texts replaces an older one's table. */
function digestOf(ruleset: Ruleset): string {
  const text = buildText(ruleset, 0) + switchText(ruleset, 0)
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
