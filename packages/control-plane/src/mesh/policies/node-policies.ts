import type { CompiledPolicy } from '@plexd/protocol'
import type { Fleet, NodeRecord } from '../fleet.ts'
import type { TenantMesh } from '../tenant-mesh.ts'
import { compileFor, kindOf, withRevisedIds } from './compile.ts'

function writeOut(fleet: Fleet, node: NodeRecord): string {
  const names = new Map(fleet.policies(node.tenant_id).map(({ id, name }) => [id, name]))
  const compiled = compileFor(node, fleet.mesh(node.tenant_id)).map(
    ({ id, rules }): CompiledPolicy => ({ id, name: names.get(id) ?? '', rules }),
  )
  return JSON.stringify({ policies: node.is_go ? withRevisedIds(compiled) : compiled })
}

/** By mesh and class of node. The mesh is a new object whenever labels, addresses or rules change. */
const known = new WeakMap<TenantMesh<NodeRecord>, Map<string, string>>()

/**
 * A node's policies for its state and its events, as JSON: `{"policies":[…]}`. Most nodes of a
 * fleet have the same rules: these are compiled and serialised once, and are one string object, which can be
 * looked up in a map without comparing its characters.
 */
export function policiesJsonFor(fleet: Fleet, node: NodeRecord): string {
  const mesh = fleet.mesh(node.tenant_id)
  const kind = kindOf(node, mesh)
  if (kind === undefined) return writeOut(fleet, node)
  const texts = known.getOrInsertComputed(mesh, () => new Map())
  const name = `${node.is_go} ${kind}`
  let text = texts.get(name)
  if (text === undefined) {
    text = writeOut(fleet, node)
    if (texts.size < maxKinds) texts.set(name, text)
  }
  return text
}

const maxKinds = 100
