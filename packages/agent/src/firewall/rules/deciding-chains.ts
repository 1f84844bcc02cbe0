import { formatCidr } from '@plexd/protocol'
import type { Range, RuleMatch } from './rule-match.ts'

/** What is decided of a flow of the mesh. */
export interface Decisions {
  /** Layers in order of lookup; the rules of one layer share no flow. */
  layers: readonly (readonly RuleMatch[])[]
  /** The verdict for flows that no rule matches. */
  defaultAction: 'allow' | 'deny'
  /** Whether denied packets are written to the kernel log, at most five per second. */
  logDenied: boolean
}

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

/**
 * Set on each packet that policy allows, for the backstop, which clears it again. One bit without known other
 * users: in the lower half Kubernetes has 0x4000 and 0x8000, portmap 0x2000, Cilium 0x0f00, and people use small
 * numbers; the upper half is Calico's or Tailscale's. No routing decision happens while it is set.
 */
export const passMark = 0x1000

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
export function buildText(ruleset: Decisions, generation: number): string {
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

const logDenied = 'limit rate 5/second burst 10 packets log prefix "plexd denied: "'

/** The names of the chains and maps of a generation. */
export function namesOf({ layers }: Pick<Decisions, 'layers'>, generation: number) {
  return {
    denied: `denied_${generation}`,
    allowed: `allowed_${generation}`,
    decide: decidingChain(generation),
    maps: layers.map((_, index) => `rules_${generation}_${index}`),
  }
}

/** The chain to which packets of the mesh are sent. */
export function decidingChain(generation: number): string {
  return `decide_${generation}`
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
