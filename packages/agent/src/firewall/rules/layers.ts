import type { Range, RuleMatch } from './rule-match.ts'

/**
 * Sorts rules into layers such that no two rules of a layer share a flow, and the first layer that matches a
 * flow decides like the first matching rule. So a layer can be a map that the kernel looks up at once, and
 * a packet costs one lookup per layer: one or two for a typical thousand rules.
 *
 * Why the decision is the same: a rule is in a later layer than all earlier rules that overlap it with another verdict. So
 * among the rules for a flow, none that contradicts the first can be in an earlier layer. (One that agrees can; then that
 * one counts the flow.) A rule that is contained in an earlier one can never match and is left out.
 */
export function layerRules(matches: readonly RuleMatch[]): RuleMatch[][] {
  const layers: RuleMatch[][] = []
  const placed = createPlacedRules()
  for (const match of matches) {
    const met = placed.near(match).filter((other) => overlaps(other.match, match))
    if (met.some((other) => contains(other.match, match))) continue
    const layer = chooseLayer(match, met)
    placed.add({ match, layer })
    const members = layers[layer]
    if (members) members.push(match)
    else layers.push([match])
  }
  return layers
}

interface Placed {
  match: RuleMatch
  layer: number
}

/** The first layer after every contradicting rule that has no overlapping rule. */
function chooseLayer(match: RuleMatch, met: readonly Placed[]): number {
  const taken = new Set(met.map(({ layer }) => layer))
  let layer = 0
  for (const other of met)
    if (other.match.action !== match.action) layer = Math.max(layer, other.layer + 1)
  while (taken.has(layer)) layer++
  return layer
}

/** An index of the rules so far, for finding those that overlap a rule between two single hosts without trying all. */
function createPlacedRules() {
  const all: Placed[] = []
  const byPrefixes = new Map<string, Placed[]>()
  const sizes = new Map<string, { src: number; dst: number }>()

  function add(rule: Placed): void {
    const size = { src: sizeOf(rule.match.src), dst: sizeOf(rule.match.dst) }
    sizes.set(`${size.src} ${size.dst}`, size)
    byPrefixes.getOrInsertComputed(prefixesKey(rule.match, size), () => []).push(rule)
    all.push(rule)
  }

  function near(match: RuleMatch): readonly Placed[] {
    if (sizeOf(match.src) > 1 || sizeOf(match.dst) > 1) return all
    return [...sizes.values()].flatMap((size) => byPrefixes.get(prefixesKey(match, size)) ?? [])
  }

  return { add, near }
}

function sizeOf({ first, last }: Range): number {
  return last - first + 1
}

/** Keys for the prefixes of these sizes that contain the start of the rule. */
function prefixesKey({ src, dst }: RuleMatch, size: { src: number; dst: number }): string {
  const prefix = (first: number, width: number): string => `${first - (first % width)}/${width}`
  return `${prefix(src.first, size.src)} ${prefix(dst.first, size.dst)}`
}

function overlaps(a: RuleMatch, b: RuleMatch): boolean {
  return sides.every((side) => a[side].first <= b[side].last && b[side].first <= a[side].last)
}

function contains(outer: RuleMatch, inner: RuleMatch): boolean {
  return sides.every(
    (side) => outer[side].first <= inner[side].first && inner[side].last <= outer[side].last,
  )
}

const sides = ['src', 'dst', 'protocols', 'ports'] as const
