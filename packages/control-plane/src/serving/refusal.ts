import type { FastifyRequest } from 'fastify'
import type { Environment } from '../app.ts'
import { relayingOf } from '../http/connections/proxies/balancers.ts'
import type { RouteConfig } from '../http/route.ts'

type State = Pick<Environment, 'notServing' | 'waitsFor' | 'isDraining'>
type Asked = Pick<FastifyRequest, 'routeOptions' | 'raw'>

/** Why a request is not served now, in words for whoever asks; undefined if it is. */
export function refusalOf(state: State, request: Asked): string | undefined {
  const { operationName } = request.routeOptions.config as RouteConfig
  const why = state.notServing()
  if (why === undefined)
    return operationName === 'readyz' ? drainingOf(state, request.raw) : undefined
  // That a process has its turn yet to come is no reason to kill it.
  if (why !== 'stopping' && asksForLife(operationName)) return undefined
  if (why !== 'waiting') return `the control plane is ${why}`
  const others = `${state.waitsFor()} serves`
  return state.isDraining()
    ? `draining: the control plane ends soon, ${others}`
    : `waiting: ${others}`
}

/** Whether this connection should not be used again: the way by which it came ends soon. */
export function isEnding({ isDraining }: Pick<State, 'isDraining'>, { raw }: Asked): boolean {
  return isDraining() || relayingOf(raw.socket) === 'draining'
}

/**
 * Whoever asks wants to know whether this way is one for new connections. By another control plane that stays it is, as that
 * one is there when our turn is over.
 */
function drainingOf({ isDraining }: State, { socket }: Asked['raw']): string | undefined {
  const by = relayingOf(socket)
  if (by === 'draining') return 'draining: the control plane that passed this on ends soon'
  return isDraining() && by === undefined
    ? 'draining: the control plane ends soon, and still serves'
    : undefined
}

function asksForLife(operationName: string | undefined): boolean {
  return operationName === 'health' || operationName === 'healthz'
}
