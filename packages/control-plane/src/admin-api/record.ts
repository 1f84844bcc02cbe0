import { rawMembers } from '@plexd/protocol'
import type { FastifyRequest } from 'fastify'
import type { Environment } from '../app.ts'
import type { Route } from '../http/route.ts'
import type { OperatorRecord } from '../mesh/fleet.ts'

/**
 * Logs every change by an operator as one line: who, from where, which operation on what, and the resulting
 * version. From bodies it takes only names and numbers that the answer shows.
 */
export function recorded(
  route: Route<unknown>,
  { log, addressOf }: Pick<Environment, 'log' | 'addressOf'>,
): Route<unknown> {
  if (route.operation.method === 'GET') return route
  return {
    ...route,
    async run(request, reply, principal) {
      const answer = await route.run(request, reply, principal)
      if (isDone(request))
        log.info('changed by operator', {
          ...lineOf(route, request, principal, answer),
          from: addressOf(request.raw) || 'admin socket',
        })
      return answer
    },
  }
}

/** A dry run changes nothing. */
function isDone({ query }: FastifyRequest): boolean {
  return (query as { dry_run?: string }).dry_run !== 'true' // the server has checked it
}

function lineOf(
  { name }: Route<unknown>,
  { params, query }: FastifyRequest,
  principal: unknown,
  answer: unknown,
): Record<string, unknown> {
  const { id, name: by } = principal as OperatorRecord // whom rows of the admin API are called by
  return {
    operation: name,
    by,
    operator_id: id,
    ...(params as object), // strings, named as in the table's paths
    ...(query as object), // the same for the query
    ...shown(answer),
  }
}

function shown(answer: unknown): Record<string, unknown> {
  const members = membersOf(answer).filter(
    ([key, value]) => names.has(key) && ['string', 'number'].includes(typeof value),
  )
  return Object.fromEntries(members)
}

/** Some answers are already JSON text. */
function membersOf(answer: unknown): [string, unknown][] {
  if (typeof answer === 'string' && answer.startsWith('{'))
    return [...rawMembers(answer)]
      .filter(([key]) => names.has(key))
      .map(([key, text]) => [key, JSON.parse(text)])
  return typeof answer === 'object' ? Object.entries(answer ?? {}) : []
}

const names: ReadonlySet<string> = new Set([
  'id',
  'key_id',
  'node_id',
  'node_hostname',
  'hostname',
  'name',
  'range',
  'role',
  'nodes',
  'action',
  'version',
  'revision',
  'checksum',
])
