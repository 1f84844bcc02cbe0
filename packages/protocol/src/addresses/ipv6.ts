/** The eight groups of an IPv6 address without a zone, in any spelling; undefined for any other text. */
export function parseIpv6(text: string): number[] | undefined {
  const canonical = /^[\da-f:.]+$/i.test(text) ? canonicalIpv6(text) : undefined
  if (canonical === undefined) return undefined
  const [head = '', tail] = canonical.split('::')
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')]
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

/** As RFC 5952 writes it, which is also how URLs do. */
export function formatIpv6(groups: readonly number[]): string {
  const text = groups.map((group) => group.toString(16)).join(':')
  return canonicalIpv6(text) ?? text
}

function canonicalIpv6(text: string): string | undefined {
  return URL.parse(`ws://[${text}]`)?.hostname.slice(1, -1)
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}
