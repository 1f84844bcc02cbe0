import { createHash } from 'node:crypto'
import { type CompiledPolicy, type CompiledRule, formatCidr, type Side } from '@plexd/protocol'
import { type Mesh, type MeshPolicy, type MeshRule, rulesOf } from '../mesh.ts'
import { isList, type MeshNode, sideHas } from '../rule-side.ts'

/**
 * The policies as one node enforces them: CIDRs only, and only the rules that involve the node. The first match wins,
 * so the order is kept. Selectors and node ids become the /32 of each node, by address; `*` becomes the ranges of the
 * mesh, and CIDRs stay as they are, so that these rules do not change with the fleet. A policy without a rule for the node is
 * left out.
 */
export function compileFor(node: MeshNode, mesh: Mesh): CompiledPolicy[] {
  return mesh.policies
    .map((policy) => ({ id: policy.id, rules: compileRules(node, policy, mesh) }))
    .filter(({ rules }) => rules.length > 0)
}

/**
 * Nodes of one kind are told the same: a text that is theirs alone when their own address is in none of their rules.
 * Undefined for a node that is on a list or has a CIDR to itself.
 */
export function kindOf(node: MeshNode, mesh: Mesh): string | undefined {
  let kind = ''
  for (const policy of mesh.policies)
    for (const { from, to } of rulesOf(policy, mesh.ranges)) {
      const asSource = sideHas(from, node)
      const asTarget = sideHas(to, node)
      if ((asSource && isOwn(from)) || (asTarget && isOwn(to))) return undefined
      kind += asSource ? (asTarget ? 'b' : 's') : asTarget ? 't' : '-'
    }
  return kind
}

/** Whether a side that has a node stands for it by its address. */
function isOwn(side: Side): boolean {
  return isList(side) || (side.kind === 'cidr' && side.cidr.prefixLength === 32)
}

/**
 * The same policies under ids that change whenever the rules do, also when it was the fleet that changed them: the Go
 * agent compares nothing but ids (wire contract 2.19, row 18). `pol_abc@` and a digest of the rules.
 */
export function withRevisedIds(policies: readonly CompiledPolicy[]): CompiledPolicy[] {
  return policies.map((policy) => ({ ...policy, id: `${policy.id}@${digestOf(policy.rules)}` }))
}

function compileRules(node: MeshNode, policy: MeshPolicy, mesh: Mesh): CompiledRule[] {
  return rulesOf(policy, mesh.ranges).flatMap((rule) =>
    pairsOf(node, rule, mesh).map(([src, dst]) => ({
      src,
      dst,
      port: rule.port,
      protocol: rule.protocol,
      action: rule.action,
    })),
  )
}

/** Sources and destinations of a rule, without those that do not involve the node and without the node to itself. */
function pairsOf(node: MeshNode, { from, to }: MeshRule, mesh: Mesh): [string, string][] {
  const own = `${node.mesh_ip}/32`
  const asSource = sideHas(from, node)
  const asTarget = sideHas(to, node)
  if (!isList(from) && !isList(to))
    return asSource || asTarget
      ? withoutSelf(own, crossing(rangesOf(from, mesh), rangesOf(to, mesh)))
      : []
  return withoutSelf(own, [
    ...(asSource ? crossing(ownSide(from, own, mesh), others(to, node, mesh)) : []),
    ...(asTarget ? crossing(others(from, node, mesh), ownSide(to, own, mesh)) : []),
  ])
}

/** Of a side that is no list. */
function rangesOf(side: Side, { ranges }: Mesh): string[] {
  return (side.kind === 'cidr' ? [side.cidr] : ranges).map(formatCidr)
}

function ownSide(side: Side, own: string, mesh: Mesh): string[] {
  return isList(side) ? [own] : rangesOf(side, mesh)
}

function others(side: Side, node: MeshNode, mesh: Mesh): string[] {
  if (!isList(side)) return rangesOf(side, mesh)
  return mesh
    .members(side)
    .filter(({ id }) => id !== node.id)
    .map(({ mesh_ip }) => `${mesh_ip}/32`)
}

function crossing(sources: readonly string[], targets: readonly string[]): [string, string][] {
  return sources.flatMap((src) => targets.map((dst): [string, string] => [src, dst]))
}

function withoutSelf(own: string, pairs: [string, string][]): [string, string][] {
  return pairs.filter(([src, dst]) => src !== own || dst !== own)
}

function digestOf(rules: readonly CompiledRule[]): string {
  return createHash('sha256').update(JSON.stringify(rules)).digest('hex').slice(0, 12)
}
