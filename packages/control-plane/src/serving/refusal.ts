import type { FastifyRequest } from 'fastify'
import type { Environment } from '../app.ts'
import type { RouteConfig } from '../http/route.ts'

/** Why a request is not served now, in words for whoever asks; undefined if it is. */
export function refusalOf(
  { notServing, waitsFor }: Pick<Environment, 'notServing' | 'waitsFor'>,
  request: Pick<FastifyRequest, 'routeOptions'>,
): string | undefined {
  const why = notServing()
  if (why === undefined) return undefined
  // That a process has its turn yet to come is no reason to kill it.
  if (why !== 'stopping' && asksForLife(request.routeOptions.config as RouteConfig))
    return undefined
  return why === 'waiting' ? `waiting: ${waitsFor()} serves` : `the control plane is ${why}`
}

function asksForLife({ operationName }: RouteConfig): boolean {
  return operationName === 'health' || operationName === 'healthz'
}
