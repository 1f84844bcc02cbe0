import type { CompiledPolicy } from '@plexd/protocol'
import type { Fleet, NodeRecord } from '../fleet.ts'
import type { Mesh } from '../mesh.ts'
import { compileFor, kindOf, withRevisedIds } from './compile.ts'

function writeOut(fleet: Fleet, node: NodeRecord): string {
  const names = new Map(fleet.policies(node.tenant_id).map(({ id, name }) => [id, name]))
  const compiled = compileFor(node, fleet.mesh(node.tenant_id)).map(
    ({ id, rules }): CompiledPolicy => ({ id, name: names.get(id) ?? '', rules }),
  )
  return JSON.stringify({ policies: node.is_go ? withRevisedIds(compiled) : compiled })
}

/** By mesh and kind of node. A mesh is another object whenever labels, addresses or rules change. */
const known = new WeakMap<Mesh<NodeRecord>, Map<string, string>>()

/**
 * The policies of a node as it is told, in its state and in events alike, as JSON: `{"policies":[…]}`. Most nodes of a
 * fleet are told the same rules: these are compiled and written out once, and are one and the same string, which can be
 * looked up without reading it.
 */
export function policiesJsonFor(fleet: Fleet, node: NodeRecord): string {
  const mesh = fleet.mesh(node.tenant_id)
  const kind = kindOf(node, mesh)
  if (kind === undefined) return writeOut(fleet, node)
  let texts = known.get(mesh)
  if (!texts) {
    texts = new Map()
    known.set(mesh, texts)
  }
  const name = `${node.is_go} ${kind}`
  let text = texts.get(name)
  if (text === undefined) {
    text = writeOut(fleet, node)
    if (texts.size < maxKinds) texts.set(name, text)
  }
  return text
}

const maxKinds = 100
