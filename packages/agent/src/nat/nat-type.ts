import type { NatType } from '@plexd/protocol'
import { type Address, formatAddress, isSameAddress } from '@plexd/runtime'

/** What was seen of one UDP port of this host. */
export interface NatFacts {
  port: number
  /** All addresses of this host. */
  localAddresses: readonly string[]
  /** Where servers saw the port, in the order in which they were asked. */
  sightings: readonly { server: Address; mapped: Address }[]
  /**
   * From whom the port gets datagrams, behind a NAT: from anybody, from addresses that it sent to, or only from the very
   * ports that it sent to. Left out when no server could test it.
   */
  filtering?: 'open' | 'address' | 'port'
}

/** What there is to say where nothing was seen. */
export const unansweredNat = unknown('no STUN server answered: UDP to the internet may be blocked')

/** Names the kind of NAT by RFC 5780's two behaviours, mapping and filtering; says why in a sentence. Pure. */
export function decideNatType(facts: NatFacts): { type: NatType; reason: string } {
  const [first, ...others] = facts.sightings
  if (!first) return unansweredNat
  const seen = formatAddress(first.mapped)
  if (isLocal(first.mapped, facts))
    return { type: 'none', reason: `${seen} is an address of this host: there is no NAT` }
  const differing = others.find(({ mapped }) => !isSameAddress(mapped, first.mapped))
  if (differing)
    return {
      type: 'symmetric',
      reason: `${nameOf(first)} saw ${seen} and ${nameOf(differing)} saw ${formatAddress(differing.mapped)}: the NAT gives each destination its own port`,
    }
  if (others.every(({ server }) => server.address === first.server.address))
    return unknown(
      `only ${nameOf(first)} answered, which saw ${seen}: it takes two addresses to tell`,
    )
  return filtered(seen, facts.filtering)
}

const types = {
  open: { type: 'full_cone', lets: 'anybody send to it' },
  address: { type: 'restricted', lets: 'addresses answer that were sent to' },
  port: { type: 'port_restricted', lets: 'only the ports answer that were sent to' },
} as const

function filtered(seen: string, filtering: NatFacts['filtering']) {
  const { type, lets } = types[filtering ?? 'port']
  const reason = `all servers saw ${seen}`
  // Who believes the NAT to be stricter than it is takes more trouble than needed, and is not wrong.
  return filtering === undefined
    ? { type, reason: `${reason}; none could test who may answer, so the strictest is assumed` }
    : { type, reason: `${reason}, and the NAT lets ${lets}` }
}

function unknown(reason: string): { type: NatType; reason: string } {
  return { type: 'unknown', reason }
}

/** The port too: a router may run on this very host. */
function isLocal(mapped: Address, { port, localAddresses }: NatFacts): boolean {
  return mapped.port === port && localAddresses.includes(mapped.address)
}

function nameOf({ server }: { server: Address }): string {
  return formatAddress(server)
}
