import { instanceHeader, type Operation } from '@plexd/protocol'
import type { FastifyRequest } from 'fastify'
import { authenticate, bearerToken } from '../access/auth.ts'
import { isCountedWrite } from '../access/node-budgets.ts'
import type { Environment, Intake, NodeMemory, Seals, State } from '../app.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { markOnline } from '../nodes/status.ts'
import { noteToken } from '../rotation/node-secrets.ts'
import { admitPacked } from './bootstrap-token.ts'

/** Authenticates the caller before the body is read, and records that a node was heard from. */
export function callerOf(
  app: State & Seals & NodeMemory & Intake & Environment,
  operation: Operation,
): (request: FastifyRequest) => unknown {
  if (operation.auth === 'bootstrap') return (request) => admitPacked(app, request)
  const principalOf = (request: FastifyRequest): unknown => authenticateNow(app, operation, request)
  if (operation.auth !== 'node') return principalOf
  const isCounted = isCountedWrite(operation)
  return (request) => {
    const node = principalOf(request) as NodeRecord // what `node` rows are called by
    if (isCounted) {
      // Its bytes are counted once they have arrived.
      app.budgets.writes.demand(node.id)
      app.budgets.writes.charge(node.id, { records: 1 })
    }
    noteInstance(app, node, request)
    const isNew = node.status === 'pending' || node.next_token_hash !== null
    return isNew ? settle(app, node, request) : node
  }
}

/** An operator's token may be revoked while the body comes. What a node says is its own, so it may say it to the end. */
export function checkAgain(
  app: State & Environment,
): (operation: Operation, request: FastifyRequest) => void {
  return (operation, request) => {
    if (operation.auth === 'operator') authenticateNow(app, operation, request)
  }
}

function authenticateNow(
  { fleet, firstTenantId, clock }: State & Environment,
  operation: Operation,
  request: FastifyRequest,
): unknown {
  return authenticate(operation, request, { fleet, firstTenantId, nowMs: clock.now() })
}

/** For a node that may prove by this call that it has stored its identity, or its next secrets. */
async function settle(
  app: State & Seals & Environment,
  node: NodeRecord,
  request: FastifyRequest,
): Promise<NodeRecord> {
  await welcome(app, node)
  await noteToken(app, node, bearerToken(request))
  // Both calls may have replaced the node's record.
  return app.fleet.node(node.id) ?? node
}

/** With the source address, so that an operator can find the machine. */
function noteInstance(
  { instances, addressOf }: NodeMemory & Environment,
  { no }: NodeRecord,
  request: FastifyRequest,
): void {
  const text = String(request.headers[instanceHeader] ?? '')
  const id = /^[\w-]{1,64}$/.test(text) ? text : undefined
  instances.heard(no, { id, address: addressOf(request.raw) })
}

async function welcome(app: State & Environment, node: NodeRecord): Promise<void> {
  if (node.status !== 'pending') return
  try {
    await markOnline(app, node.id)
  } catch (error) {
    app.log.warn('node not marked online', { node_id: node.id, error })
  }
}
