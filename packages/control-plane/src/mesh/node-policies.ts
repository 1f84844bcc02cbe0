import type { CompiledPolicy } from '@plexd/protocol'
import type { Fleet, NodeRecord } from './fleet.ts'
import { compileFor, withRevisedIds } from './policy-compile.ts'

/** The policies of a node as it is told, in its state and in events alike. */
export function policiesFor(fleet: Fleet, node: NodeRecord): CompiledPolicy[] {
  const policies = compileFor(node, fleet.mesh(node.tenant_id))
  return node.is_go ? withRevisedIds(policies) : policies
}
