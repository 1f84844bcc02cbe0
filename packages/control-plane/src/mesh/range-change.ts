import {
  ApiError,
  type Cidr,
  cidrContains,
  cidrsOverlap,
  formatCidr,
  formatDuration,
  isPrivateRange,
  isWithin,
  maxMeshRanges,
  parseCidr,
  parseIpv4,
  parseSide,
  rangeFault,
} from '@plexd/protocol'
import type { PolicyRecord } from './fleet.ts'

/** The parsed range to be added. Throws an ApiError (400, 409) if it is invalid beside the existing ones. Pure. */
export function readNewRange(text: string, ranges: readonly Cidr[]): Cidr {
  const range = readRange(text)
  const fault =
    rangeFault(range) ??
    (isPrivateRange(range)
      ? undefined
      : 'it has addresses that hosts of the internet have: take a private range, such as 10.101.0.0/16')
  if (fault !== undefined) throw new ApiError('bad_request', `add mesh range "${text}": ${fault}`)
  const other = ranges.find((own) => cidrsOverlap(own, range))
  if (other)
    throw refuse(
      `add mesh range "${text}": ${formatCidr(other) === text ? 'the mesh has it already' : `it overlaps "${formatCidr(other)}" of this mesh`}`,
    )
  if (ranges.length >= maxMeshRanges)
    throw refuse(
      `add mesh range "${text}": there are ${ranges.length}, the most that a mesh may have: take one that is larger, or remove one in which no node is`,
    )
  return range
}

function readRange(text: string): Cidr {
  try {
    return parseCidr(text)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ApiError('bad_request', `add mesh range "${text}": ${error.message}`)
  }
}

/** Nodes whose own networks overlap the range, as far as their reported endpoints show. Pure. */
export function rangeWarnings(
  range: Cidr,
  nodes: Iterable<{ hostname: string; local_endpoints: readonly string[] }>,
): string[] {
  const warnings = [...nodes].flatMap(({ hostname, local_endpoints }) => {
    const own = local_endpoints.map(addressOf).find((address) => isInside(address, range))
    return own === undefined
      ? []
      : [
          `"${hostname}" has the address ${own} in a network of its own: where that is as large as the range, it will not reach the nodes in the range`,
        ]
  })
  const more = warnings.length - maxWarnings
  return more > 0 ? [...warnings.slice(0, maxWarnings), `so have ${more} more nodes`] : warnings
}

const maxWarnings = 10

function addressOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(':'))
}

function isInside(address: string, range: Cidr): boolean {
  return /^[\d.]+$/.test(address) && cidrContains(range, parseIpv4(address))
}

/** Everything that may have an address in a range. */
export interface Occupants {
  nodes: Iterable<{ hostname: string; mesh_ip: string }>
  /** Addresses of recently removed nodes. */
  resting: readonly string[]
  /** How long those are reserved. */
  cooldownMs: number
  /** The tenant's policies. */
  policies: readonly Pick<PolicyRecord, 'name' | 'rules'>[]
  /** The range that this control plane's settings name. */
  configured: string | undefined
  /** Whether the mesh has no other. */
  isOnly: boolean
}

/** Throws an ApiError (409) if the range is the only one, is in use, or is named by a rule. Pure. */
export function refuseRemoval(
  range: Cidr,
  { nodes, resting, cooldownMs, policies, configured, isOnly }: Occupants,
): void {
  const text = formatCidr(range)
  const stop = (why: string): ApiError => refuse(`remove mesh range "${text}": ${why}`)
  const inside = [...nodes].filter(({ mesh_ip }) => cidrContains(range, parseIpv4(mesh_ip)))
  const [first] = inside
  if (first)
    throw stop(
      `${inside.length} ${inside.length === 1 ? 'node has its address' : 'nodes have their addresses'} from it, "${first.hostname}" for one: an address is for as long as a registration, so let them enrol anew`,
    )
  const cooling = resting.filter((address) => cidrContains(range, parseIpv4(address)))
  if (cooling.length > 0)
    throw stop(
      `a node that had ${cooling[0]} left less than ${formatDuration(cooldownMs)} ago, and its peers may not have heard: try again after that`,
    )
  const named = ruleAbout(range, policies)
  if (named !== undefined)
    throw stop(
      `${named}, which would be a rule without effect: take it out with "plexctl policy put"`,
    )
  if (isOnly) throw stop('it is the only one of this mesh: add another first')
  if (configured === text)
    throw stop(
      'the settings of the control plane name it: take "mesh_cidr" out of them, and start it again',
    )
}

/** Rules that name addresses of the range: outside all ranges such a side is invalid, and it would take effect again if the range came back. */
function ruleAbout(range: Cidr, policies: Occupants['policies']): string | undefined {
  for (const { name, rules } of policies)
    for (const [index, { from, to }] of rules.entries()) {
      const side = [from, to].find((text) => isSideIn(range, text))
      if (side !== undefined) return `policy "${name}" names "${side}" in rule ${index}`
    }
  return undefined
}

function isSideIn(range: Cidr, text: string): boolean {
  try {
    const side = parseSide(text)
    return side.kind === 'cidr' && isWithin(side.cidr, range)
  } catch (error) {
    if (error instanceof RangeError) return false // an older version took it
    throw error
  }
}

function refuse(message: string): ApiError {
  return new ApiError('conflict', message)
}
