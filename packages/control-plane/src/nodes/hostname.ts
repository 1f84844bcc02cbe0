import { ApiError, hostnameProblem, parseHostname } from '@plexd/protocol'
import type { Log } from '@plexd/runtime'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'

/** A hostname from a request in its stored form. Throws an ApiError (400) with the field and the rule. */
export function readHostname(field: string, text: string): string {
  try {
    return parseHostname(text)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ApiError('bad_request', `${field}: ${error.message}`)
  }
}

/** Throws an ApiError (409) if another node has the name. */
export function refuseTakenHostname(
  fleet: Fleet,
  { tenantId, hostname, nodeId }: { tenantId: string; hostname: string; nodeId?: string },
): void {
  if (fleet.nodesByHostname(tenantId, hostname).some(({ id }) => id !== nodeId))
    throw new ApiError('conflict', `hostname "${hostname}" is taken in this tenant`)
}

/** Why a node must be renamed by an operator: older versions accepted any name. Empty for nearly all. */
export function hostnameTrouble(
  fleet: Fleet,
  { id, tenant_id, hostname }: Pick<NodeRecord, 'id' | 'tenant_id' | 'hostname'>,
): string {
  const others = fleet.nodesByHostname(tenant_id, hostname).filter((other) => other.id !== id)
  if (others.length > 0)
    return `"${hostname}" is also the name of ${others.map((other) => other.id).join(', ')}`
  return hostnameProblem(hostname) ?? ''
}

/** Warns at each start: names accepted by older versions are kept until an operator changes them. */
export function warnOfHostnames(fleet: Fleet, log: Log): void {
  for (const node of fleet.allNodes()) {
    const reason = hostnameTrouble(fleet, node)
    if (reason !== '')
      log.warn('hostname breaks the rule, rename the node with "plexctl node rename"', {
        node_id: node.id,
        hostname: node.hostname,
        reason,
      })
  }
}
