import type { Server as TlsServer } from 'node:tls'
import { adminApi, controlApi, type Operation } from '@plexd/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createWrongTokens } from '../access/wrong-tokens.ts'
import { adminHandlers } from '../admin-api/index.ts'
import { recorded } from '../admin-api/record.ts'
import type { App, Environment, Installation, Intake } from '../app.ts'
import { controlHandlers } from '../control-api/index.ts'
import { routesOf } from '../handle.ts'
import { createAdmission } from '../http/connections/admission.ts'
import { maxDescriptors } from '../http/connections/descriptors.ts'
import { createPeers } from '../http/connections/proxies/balancers.ts'
import { headerFaultTeller, refusalTeller } from '../http/connections/refusals.ts'
import { failureTeller } from '../http/failures.ts'
import { createServer, minTlsVersion } from '../http/server.ts'
import { livenessHandlers, opsHandlers } from '../ops-api/index.ts'
import { opsApi } from '../ops-api/table.ts'
import { createForwarder, type Forwarder, type Link } from '../replicas/forwarder.ts'
import type { Tls } from '../tls/authority.ts'
import { callerOf, checkAgain } from './caller.ts'
import { type Behind, lateCallers, lateRoutes } from './late-routes.ts'
import { isEnding, refusalOf } from './refusal.ts'

type Doorway = Environment & Intake & Pick<Installation, 'controlPlanes'>

/** The servers, by their clients. */
export interface Servers extends AsyncDisposable {
  /** For nodes and operators, over TLS unless disabled. */
  main: FastifyInstance
  /** For operators on this machine, on a separate socket that works even when the port is overloaded. */
  admin: FastifyInstance
  /** For monitoring; absent if it uses `main`. */
  metrics: FastifyInstance | undefined
  /** The certificate that `main` uses for new connections; it needs one before it listens, unless TLS is disabled. */
  show(certificate: Tls): void
  /** From now on the app answers, once it serves. */
  serve(app: App): void
  /** From now on new connections of nodes and operators go to another control plane; undefined for none. Those to the one before are cut. */
  passOnTo(link: Link | undefined): void
  /** Cuts each connection that is passed on, the oldest first. */
  passedOnEnds: Forwarder['ends']
}

/**
 * They need no app to say that nothing is served yet, and why. Disposing finishes requests in progress, for a limited time, and closes.
 */
export function createServers(environment: Doorway): Servers {
  const { config, clock, log, metrics } = environment
  const forwarder = createForwarder({
    how: () => (environment.isDraining() ? 'draining' : 'staying'),
  })
  const admission = admissionOf(environment, forwarder)
  const wrongTokens = createWrongTokens({
    limits: config.limits,
    clock,
    log,
    addressOf: environment.addressOf,
    onWrong: metrics.wrongToken,
  })
  let behind = nothingYet
  const common = {
    ...lateCallers(() => behind),
    onAuthenticated: ({ raw }: FastifyRequest) => admission.prove(raw),
    notServing: (request: FastifyRequest) => refusalOf(environment, request),
    isEnding: (request: FastifyRequest) => isEnding(environment, request),
    life: environment.life,
    onAnswer: metrics.answered,
    judge: wrongTokens.judge,
    bodies: environment.bodies,
    limits: config.limits,
    onFailure: failureTeller(environment),
  }
  const routes = (table: Readonly<Record<string, Operation>>) => lateRoutes(table, () => behind)
  const [control, admins, ops] = [routes(controlApi), routes(adminApi), routes(opsApi)]
  const openOps = ops.filter(({ name }) => name !== 'metrics' || !config.metrics)
  const main = createServer({
    ...common,
    ...(config.insecureHttp ? {} : { tls: {} }),
    routes: [...control, ...admins, ...openOps],
  })
  admission.guard(main.server, config.insecureHttp ? 'plain' : 'tls')
  const admin = createServer({ ...common, routes: [...admins, ...ops] })
  const monitors = config.metrics && createServer({ ...common, routes: ops.filter(isForMonitors) })
  let closed: Promise<void> | undefined
  return {
    main,
    admin,
    metrics: monitors,
    serve(app) {
      behind = behindOf(app)
    },
    passOnTo: forwarder.to,
    passedOnEnds: forwarder.ends,
    show({ cert, key }) {
      const server = main.server as unknown as TlsServer // with a certificate it is one
      server.setSecureContext({ cert, key, minVersion: minTlsVersion })
    },
    [Symbol.asyncDispose]() {
      forwarder[Symbol.dispose]()
      closed ??= close([main, admin, ...(monitors ? [monitors] : [])], admission.cut)
      return closed
    },
  }
}

/** Whoever asks for anything else is refused before. */
const nothingYet: Behind = {
  routes: Object.entries(livenessHandlers).map(([name, handler]) => ({
    name,
    ...handler(undefined),
  })),
  callerOf: () => () => undefined,
}

function behindOf(app: App): Behind {
  return {
    routes: [
      ...routesOf(controlApi, controlHandlers, app),
      ...routesOf(adminApi, adminHandlers, app).map((route) => recorded(route, app)),
      ...routesOf(opsApi, opsHandlers, app),
    ],
    callerOf: (operation) => callerOf(app, operation),
    checkAgain: checkAgain(app),
  }
}

function admissionOf(
  { config, clock, log, metrics, controlPlanes }: Doorway,
  forwarder: Forwarder,
) {
  const tellRefusal = refusalTeller({ clock, log })
  return createAdmission({
    limits: config.limits,
    descriptors: maxDescriptors(),
    awaitPeer: createPeers({
      from: config.proxyProtocolFrom,
      patienceMs: config.limits.silent_connection_ms,
      replicaOf: config.databaseUrl === undefined ? undefined : controlPlanes.writerOf,
      onFault: headerFaultTeller({ clock, log }),
    }),
    passOn: forwarder.take,
    passedOn: forwarder.count,
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

/** `cutUnseen` closes connections that the servers do not know of: those that never begin would keep them open. */
async function close(servers: readonly FastifyInstance[], cutUnseen: () => void): Promise<void> {
  cutUnseen()
  const cut = setTimeout(() => {
    for (const { server } of servers) server.closeAllConnections()
    cutUnseen()
  }, graceMs)
  await Promise.all(servers.map((each) => each.close()))
  clearTimeout(cut)
}
