import type { Server as TlsServer } from 'node:tls'
import { adminApi, controlApi, type Operation } from '@plexd/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createWrongTokens } from '../access/wrong-tokens.ts'
import { adminHandlers } from '../admin-api/index.ts'
import { recorded } from '../admin-api/record.ts'
import type { App, Environment } from '../app.ts'
import { controlHandlers } from '../control-api/index.ts'
import { routesOf } from '../handle.ts'
import { createAdmission } from '../http/connections/admission.ts'
import { createPeers } from '../http/connections/balancers.ts'
import { maxDescriptors } from '../http/connections/descriptors.ts'
import { headerFaultTeller, refusalTeller } from '../http/connections/refusals.ts'
import { createServer, minTlsVersion } from '../http/server.ts'
import { opsHandlers } from '../ops-api/index.ts'
import { opsApi } from '../ops-api/table.ts'
import type { Tls } from '../tls/authority.ts'
import { callerOf, checkAgain } from './caller.ts'

/** The servers, by their clients. */
export interface Servers extends AsyncDisposable {
  /** For nodes and operators, over TLS unless disabled. */
  main: FastifyInstance
  /** For operators on this machine, on a separate socket that works even when the port is overloaded. */
  admin: FastifyInstance
  /** For monitoring; absent if it uses `main`. */
  metrics: FastifyInstance | undefined
  /** The certificate that `main` uses for new connections. */
  show(certificate: Tls): void
}

/** Disposing finishes requests in progress, for a limited time, and closes. */
export function createServers(app: App, certificate: Tls | undefined): Servers {
  const { config, clock, log } = app
  const admission = admissionOf(app)
  const wrongTokens = createWrongTokens({
    limits: config.limits,
    clock,
    log,
    addressOf: app.addressOf,
    onWrong: app.metrics.wrongToken,
  })
  const common = {
    callerOf: (operation: Operation) => callerOf(app, operation),
    checkAgain: checkAgain(app),
    onAuthenticated: ({ raw }: FastifyRequest) => admission.prove(raw),
    notServing: app.notServing,
    life: app.life,
    onAnswer: app.metrics.answered,
    judge: wrongTokens.judge,
    bodies: app.bodies,
    limits: config.limits,
    log,
  }
  const adminRoutes = routesOf(adminApi, adminHandlers, app).map((route) => recorded(route, app))
  const opsRoutes = routesOf(opsApi, opsHandlers, app)
  const openOps = opsRoutes.filter(({ name }) => name !== 'metrics' || !config.metrics)
  const main = createServer({
    ...common,
    ...(certificate ? { tls: certificate } : {}),
    routes: [...routesOf(controlApi, controlHandlers, app), ...adminRoutes, ...openOps],
  })
  admission.guard(main.server, certificate ? 'tls' : 'plain')
  const admin = createServer({ ...common, routes: [...adminRoutes, ...opsRoutes] })
  const metrics =
    config.metrics && createServer({ ...common, routes: opsRoutes.filter(isForMonitors) })
  return {
    main,
    admin,
    metrics,
    show({ cert, key }) {
      const server = main.server as unknown as TlsServer // with a certificate it is one
      server.setSecureContext({ cert, key, minVersion: minTlsVersion })
    },
    [Symbol.asyncDispose]: () => close([main, admin, ...(metrics ? [metrics] : [])]),
  }
}

function admissionOf({ config, clock, log, metrics }: Environment) {
  const tellRefusal = refusalTeller({ clock, log })
  return createAdmission({
    limits: config.limits,
    descriptors: maxDescriptors(),
    awaitPeer: createPeers({
      from: config.proxyProtocolFrom,
      patienceMs: config.limits.silent_connection_ms,
      onFault: headerFaultTeller({ clock, log }),
    }),
    onRefused: (reason) => {
      metrics.refused(reason)
      // Those are told with what they begin with instead.
      if (reason !== 'no_header') tellRefusal(reason)
    },
  })
}

/** The routes for monitoring. */
function isForMonitors({ name }: { name: string }): boolean {
  return ['metrics', 'health', 'healthz', 'readyz'].includes(name)
}

/** How long requests in progress may take after shutdown has begun. */
const graceMs = 3_000

async function close(servers: readonly FastifyInstance[]): Promise<void> {
  const cut = setTimeout(() => {
    for (const { server } of servers) server.closeAllConnections()
  }, graceMs)
  await Promise.all(servers.map((each) => each.close()))
  clearTimeout(cut)
}
