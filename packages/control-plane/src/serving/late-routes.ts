import type { Operation } from '@plexd/protocol'
import type { Route, RouteOptions } from '../http/route.ts'

/** How calls are answered; there is one once the app is open. */
export interface Behind extends Pick<RouteOptions<unknown>, 'callerOf' | 'checkAgain'> {
  routes: readonly Route<unknown>[]
}

/** The rows of tables, served by what is known of them: whoever calls one is answered by what is behind it by then. */
export function lateRoutes(
  table: Readonly<Record<string, Operation>>,
  behind: () => Behind,
): Route<unknown>[] {
  return Object.entries(table).map(([name, operation]) => {
    let route: Route<unknown> | undefined
    return {
      name,
      operation,
      run(...call) {
        route ??= behind().routes.find((one) => one.operation === operation)
        if (!route) throw new Error(`serve "${name}": nothing is behind it`)
        return route.run(...call)
      },
    }
  })
}

/** Likewise, who calls it. */
export function lateCallers(
  behind: () => Behind,
): Required<Pick<RouteOptions<unknown>, 'callerOf' | 'checkAgain'>> {
  return {
    callerOf(operation) {
      // Some of these are answered before there is an app.
      if (operation.auth === 'none') return () => undefined
      let callerOf: ReturnType<Behind['callerOf']> | undefined
      return (request) => {
        callerOf ??= behind().callerOf(operation)
        return callerOf(request)
      }
    },
    checkAgain: (operation, request) => behind().checkAgain?.(operation, request),
  }
}
