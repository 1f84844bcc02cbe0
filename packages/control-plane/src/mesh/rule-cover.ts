import { type Cidr, cidrContains, cidrSize, type Requirement, type Side } from '@plexd/protocol'
import type { MeshRule } from './mesh.ts'

/** Whether every packet that the second rule is about meets the first one too, whatever nodes there will be. */
export function covers(first: MeshRule, second: MeshRule, range: Cidr): boolean {
  return (
    (first.protocol === '' || first.protocol === second.protocol) &&
    (first.port === 0 || first.port === second.port) &&
    sideCovers(first.from, second.from, range) &&
    sideCovers(first.to, second.to, range)
  )
}

function sideCovers(first: Side, second: Side, range: Cidr): boolean {
  if (first === second) return true
  if (first.kind === 'cidr')
    return isWithin(second.kind === 'cidr' ? second.cidr : range, first.cidr)
  if (first.kind === 'node') return second.kind === 'node' && first.id === second.id
  if (first.kind === 'hostname')
    return second.kind === 'hostname' && first.hostname === second.hostname
  // Fewer requirements match more.
  return (
    second.kind === 'selector' &&
    first.selector.every((one) => second.selector.some((other) => isSame(one, other)))
  )
}

function isSame(one: Requirement, other: Requirement): boolean {
  if (one.key !== other.key || one.operator !== other.operator) return false
  return !('values' in one) || !('values' in other) || `${one.values}` === `${other.values}`
}

function isWithin(inner: Cidr, outer: Cidr): boolean {
  const last = inner.first + cidrSize(inner) - 1
  return cidrContains(outer, inner.first) && cidrContains(outer, last)
}
