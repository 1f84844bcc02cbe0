import { isIPv6 } from 'node:net'
import { unmapAddress } from '@plexd/runtime'

/**
 * The unit of fairness for an address: an IPv4 address, or an IPv6 /64 network, because a host usually controls
 * all its addresses. The empty text if there is no address, as on a Unix socket.
 */
export function sourceOf(address: string | undefined): string {
  const text = unmapAddress((address ?? '').replace(/%.*$/, ''))
  return isIPv6(text) ? `${networkOf(text)}::/64` : text
}

function networkOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const first = groupsOf(head)
  const zeros = 8 - first.length - groupsOf(tail ?? '').length
  return [...first, ...Array<string>(Math.max(0, zeros)).fill('0'), ...groupsOf(tail ?? '')]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}

/** An IPv4 suffix counts as two groups. */
function groupsOf(text: string): string[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : group))
}
