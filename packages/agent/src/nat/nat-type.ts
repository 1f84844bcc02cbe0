import type { NatType } from '@plexd/protocol'
import { type Address, formatAddress, isSameAddress } from '@plexd/runtime'

/** What was measured of one UDP port of this host. */
export interface NatFacts {
  port: number
  /** All addresses of this host. */
  localAddresses: readonly string[]
  /** The address that each server saw, in the order in which they were asked. */
  sightings: readonly { server: Address; mapped: Address }[]
  /**
   * Whose datagrams the NAT lets in to the port: any, those from addresses that it sent to, or only those from address
   * and port that it sent to. Left out if no server could test it.
   */
  filtering?: 'open' | 'address' | 'port'
}

/** The result if no server answered. */
export const unansweredNat = unknown('no STUN server answered: UDP to the internet may be blocked')

/** Derives the type of the NAT from its mapping and filtering (RFC 5780), with the reason in a sentence. Pure. */
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
  // Assuming a stricter NAT than there is costs effort, but breaks nothing.
  return filtering === undefined
    ? { type, reason: `${reason}; none could test who may answer, so the strictest is assumed` }
    : { type, reason: `${reason}, and the NAT lets ${lets}` }
}

function unknown(reason: string): { type: NatType; reason: string } {
  return { type: 'unknown', reason }
}

/** The port counts too, because a router may run on this host. */
function isLocal(mapped: Address, { port, localAddresses }: NatFacts): boolean {
  return mapped.port === port && localAddresses.includes(mapped.address)
}

function nameOf({ server }: { server: Address }): string {
  return formatAddress(server)
}
