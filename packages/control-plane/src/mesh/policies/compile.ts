import { createHash } from 'node:crypto'
import { type CompiledPolicy, type CompiledRule, formatCidr, type Side } from '@plexd/protocol'
import { isList, type MeshNode, sideHas } from '../rule-side.ts'
import { type MeshPolicy, type MeshRule, rulesOf, type TenantMesh } from '../tenant-mesh.ts'

/**
 * The policies as one node enforces them: only CIDRs, and only rules that involve the node. The first match decides,
 * so the order is kept. Selectors and node ids become the /32 of each matching node, by address; `*` becomes the mesh
 * ranges, and CIDRs are kept, so these rules do not change with the fleet. A policy without a rule for the node is
 * left out.
 */
export function compileFor(node: MeshNode, mesh: TenantMesh): CompiledPolicy[] {
  return mesh.policies
    .map((policy) => ({ id: policy.id, rules: compileRules(node, policy, mesh) }))
    .filter(({ rules }) => rules.length > 0)
}

/**
 * A key for nodes with the same compiled rules: those whose own address occurs in none of their rules.
 * Undefined for a node that is listed by address or has a CIDR of its own.
 */
export function kindOf(node: MeshNode, mesh: TenantMesh): string | undefined {
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

/** Whether a side contains the node by its address. */
function isOwn(side: Side): boolean {
  return isList(side) || (side.kind === 'cidr' && side.cidr.prefixLength === 32)
}

/**
 * The same policies under ids that change whenever the compiled rules change, even because of the fleet: the Go
 * agent compares only ids (wire contract 2.19, row 18). `pol_abc@` and a digest of the rules.
 */
export function withRevisedIds(policies: readonly CompiledPolicy[]): CompiledPolicy[] {
  return policies.map((policy) => ({ ...policy, id: `${policy.id}@${digestOf(policy.rules)}` }))
}

function compileRules(node: MeshNode, policy: MeshPolicy, mesh: TenantMesh): CompiledRule[] {
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

/** The sources and destinations of a rule that involve the node, except from the node to itself. */
function pairsOf(node: MeshNode, { from, to }: MeshRule, mesh: TenantMesh): [string, string][] {
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

/** The CIDRs of a side that is not a list of nodes. */
function rangesOf(side: Side, { ranges }: TenantMesh): string[] {
  return (side.kind === 'cidr' ? [side.cidr] : ranges).map(formatCidr)
}

function ownSide(side: Side, own: string, mesh: TenantMesh): string[] {
  return isList(side) ? [own] : rangesOf(side, mesh)
}

function others(side: Side, node: MeshNode, mesh: TenantMesh): string[] {
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
