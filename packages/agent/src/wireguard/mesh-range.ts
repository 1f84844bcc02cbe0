import { cidrContains, cidrSize, formatCidr, parseCidr, parseIpv4 } from '@plexd/protocol'

/** What the API's documents name. */
const usualRange = parseCidr('10.100.0.0/16')

/** The range of the mesh where the control plane does not say: the usual one, or as large a one around the address. */
export function guessMeshRange(meshIp: string): string {
  const address = parseIpv4(meshIp)
  if (cidrContains(usualRange, address)) return formatCidr(usualRange)
  return formatCidr({ ...usualRange, first: address - (address % cidrSize(usualRange)) })
}
