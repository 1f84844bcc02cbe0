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

/** The range to be added, beside those that are there. Throws an ApiError (400, 409) for one that cannot be. Pure. */
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

/** Nodes that stand in a network with addresses of the range themselves, as far as they have said where they are. Pure. */
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

/** What has an address that may lie in a range. */
export interface Occupants {
  nodes: Iterable<{ hostname: string; mesh_ip: string }>
  /** Addresses of nodes that left a short while ago. */
  resting: readonly string[]
  /** For how long they are. */
  cooldownMs: number
  /** Those of the tenant. */
  policies: readonly Pick<PolicyRecord, 'name' | 'rules'>[]
  /** The range that the settings of this control plane name. */
  configured: string | undefined
  /** Whether the mesh has no other. */
  isOnly: boolean
}

/** Throws an ApiError (409) unless the range of a mesh is not its only one, is nobody's, and no rule names it. Pure. */
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

/** Who names addresses of the range: a side outside all ranges cannot be read, and would come to life with the next such range. */
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
