/** How networks lie in each other. Pure. */
import { type Cidr, cidrContains, parseCidr } from '@plexd/protocol'

/** Undefined for anything but an IPv4 network or address, such as `default`. */
export function readRange(text: string): Cidr | undefined {
  try {
    return parseCidr(text)
  } catch {
    return undefined
  }
}

/** Those that are valid; the others are reported by whoever judges the place of the mesh. */
export function readRanges(texts: readonly string[]): Cidr[] {
  return texts.flatMap((text) => readRange(text) ?? [])
}

/** Whether the inner network is the outer one, or a part of it. */
export function covers(outer: Cidr, inner: Cidr): boolean {
  return outer.prefixLength <= inner.prefixLength && cidrContains(outer, inner.first)
}

/** Whether it is smaller than the range, and inside it. */
export function isPartOf(network: Cidr | undefined, range: Cidr): network is Cidr {
  return (
    network !== undefined && network.prefixLength > range.prefixLength && covers(range, network)
  )
}

/** The network of this size that the address is in. */
export function networkAround(address: number, prefixLength: number): Cidr {
  const first = address - (address % 2 ** (32 - prefixLength))
  return { family: 4, first, prefixLength }
}

/** The network itself and all that cover it, smallest first. */
export function networksAround({ first, prefixLength }: Cidr): Cidr[] {
  return Array.from({ length: prefixLength + 1 }, (_, steps) =>
    networkAround(first, prefixLength - steps),
  )
}

/** Equal for equal networks. */
export function keyOf({ first, prefixLength }: Cidr): number {
  return first * 64 + prefixLength
}
