import { hash } from 'node:crypto'
import { ApiError, type Auth, type Operation } from '@plexd/protocol'
import type { FastifyRequest } from 'fastify'
import { departedMs, type Fleet, type NodeRecord, type OperatorRecord } from '../mesh/fleet.ts'
import { refusalOf } from './rights.ts'

/** The authenticated caller; determined before the body is read. */
export type Principal<A extends Auth> = A extends 'node'
  ? NodeRecord
  : A extends 'operator'
    ? OperatorRecord
    : undefined

interface Known {
  readonly fleet: Fleet
  readonly firstTenantId: string
}

/**
 * Nodes: 401 for an unknown token, 404 for a path with an unknown node, 403 for another node's path.
 * Operators: 401 for an unknown token, 403 for one that lacks the permission, see rights.ts.
 * Tokens are looked up by their SHA-256, so the timing of the lookup reveals nothing about them.
 */
export function authenticate(
  operation: Operation,
  request: FastifyRequest,
  known: Known & { nowMs: number },
): unknown {
  if (operation.auth === 'node') return nodeOf(operation, request, known)
  if (operation.auth === 'operator') return operatorOf(operation, request, known)
  return undefined
}

function nodeOf(
  operation: Operation,
  request: FastifyRequest,
  { fleet, nowMs }: { fleet: Fleet; nowMs: number },
): NodeRecord {
  const hash = tokenHash(bearerToken(request))
  const node = fleet.nodeByTokenHash(hash)
  const { node_id } = request.params as { node_id?: string } // named so by the paths of the table
  if (!node) {
    const departed = operation.forDeparted && fleet.departedByTokenHash(hash)
    if (departed && departed.node.id === node_id && nowMs - departed.removed_at < departedMs)
      return departed.node
    throw new ApiError('unauthorized', 'unauthorized')
  }
  if (node_id === undefined || node_id === node.id) return node
  // To the caller, another tenant's node does not exist.
  if (fleet.node(node_id)?.tenant_id !== node.tenant_id)
    throw new ApiError('not_found', 'unknown node')
  throw new ApiError('forbidden', 'the token belongs to another node')
}

function operatorOf(
  operation: Operation,
  request: FastifyRequest,
  { fleet, firstTenantId }: Known,
): OperatorRecord {
  const operator = fleet.operatorByTokenHash(tokenHash(bearerToken(request)))
  if (!operator) throw new ApiError('unauthorized', 'unauthorized')
  const tenant = fleet.tenant(operator.tenant_id)?.name ?? operator.tenant_id
  const isFirst = operator.tenant_id === firstTenantId
  const refusal = refusalOf(operation, { role: operator.role, tenant, isFirst })
  if (refusal !== undefined) throw new ApiError('forbidden', refusal)
  return operator
}

/** Throws an ApiError (401) if there is none. */
export function bearerToken(request: FastifyRequest): string {
  const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) throw new ApiError('unauthorized', 'unauthorized')
  return token
}

/** SHA-256 in hex, the stored form of a token. Tokens are random, so no salt or stretching is needed. */
export function tokenHash(token: string): string {
  return hash('sha256', token)
}
