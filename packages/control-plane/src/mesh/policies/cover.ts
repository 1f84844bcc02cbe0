import { type Cidr, isWithin, type Requirement, type Side } from '@plexd/protocol'
import type { MeshRule } from '../tenant-mesh.ts'

/** Whether the first rule matches every packet that the second one matches, whatever nodes there will be. */
export function covers(first: MeshRule, second: MeshRule, ranges: readonly Cidr[]): boolean {
  return (
    (first.protocol === '' || first.protocol === second.protocol) &&
    (first.port === 0 || first.port === second.port) &&
    sideCovers(first.from, second.from, ranges) &&
    sideCovers(first.to, second.to, ranges)
  )
}

function sideCovers(first: Side, second: Side, ranges: readonly Cidr[]): boolean {
  if (first === second || first.kind === 'all') return true
  if (first.kind === 'cidr')
    return (second.kind === 'cidr' ? [second.cidr] : ranges).every((inner) =>
      isWithin(inner, first.cidr),
    )
  if (first.kind === 'node') return second.kind === 'node' && first.id === second.id
  if (first.kind === 'hostname')
    return second.kind === 'hostname' && first.hostname === second.hostname
  // A selector with more requirements matches fewer nodes.
  return (
    second.kind === 'selector' &&
    first.selector.every((one) => second.selector.some((other) => isSame(one, other)))
  )
}

function isSame(one: Requirement, other: Requirement): boolean {
  if (one.key !== other.key || one.operator !== other.operator) return false
  return !('values' in one) || !('values' in other) || `${one.values}` === `${other.values}`
}
