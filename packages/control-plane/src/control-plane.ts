import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import type { Server as TlsServer } from 'node:tls'
import { instanceHeader, type Operation } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import type { FastifyRequest } from 'fastify'
import { adminHandlers } from './admin-api/index.ts'
import { recorded } from './admin-api/record.ts'
import { type App, createApp, type RunningApp } from './app.ts'
import { authenticate, bearerToken } from './auth.ts'
import { admitPacked } from './bootstrap-token.ts'
import type { Config } from './config/config.ts'
import { reloadConfig } from './config/reload.ts'
import { controlHandlers } from './control-api/index.ts'
import { routesOf } from './handle.ts'
import { listenOnSocket } from './http/admin-socket.ts'
import { createAdmission } from './http/connections/admission.ts'
import { maxDescriptors } from './http/connections/descriptors.ts'
import { refusalTeller } from './http/connections/refusals.ts'
import { listenOn } from './http/listen.ts'
import { createServer, minTlsVersion } from './http/server.ts'
import { jobsOf } from './jobs/index.ts'
import { startPeriodic } from './jobs/periodic.ts'
import { saveLastSeen } from './jobs/save-last-seen.ts'
import type { NodeRecord } from './mesh/fleet.ts'
import { markOnline } from './node-status.ts'
import { limitWrites } from './node-writes.ts'
import { hostnameTrouble } from './nodes/hostname.ts'
import { warnOfUnconfirmed } from './nodes/unconfirmed-list.ts'
import { opsHandlers } from './ops-api/index.ts'
import { noteToken } from './secret-rotation.ts'
import { startStunServer } from './stun/server.ts'
import { loadTls } from './tls/authority.ts'
import { serveCertificate } from './tls/served-certificate.ts'
import { createWrongTokens } from './wrong-tokens.ts'

export interface ControlPlane extends AsyncDisposable {
  readonly app: RunningApp
  /** `https://host:port`, with the port that was really taken. */
  readonly url: string
  /** Takes what of these settings may change, says which may not, and reads the certificates again. No stream ends. */
  reload(config: Config): Promise<void>
}

/** Opens the data folder and serves. Disposing answers 503, ends the streams, finishes what is under way and closes. */
export async function startControlPlane(
  config: Config,
  { clock, log }: { clock: Clock; log: Log },
): Promise<ControlPlane> {
  await using stack = new AsyncDisposableStack()
  const app = stack.use(await createApp(config, { clock, log }))
  stack.defer(() => saveLastSeen(app))
  warnOfHostnames(app)
  await warnOfUnconfirmed({ reader: app.store.reader, fleet: app.fleet }, log)
  const certificate = config.insecureHttp
    ? undefined
    : await serveCertificate({
        load: () => loadTlsFor(app.config, clock),
        onReplaced: ({ cert, key }) =>
          (server.server as unknown as TlsServer) // with a certificate it is one
            .setSecureContext({ cert, key, minVersion: minTlsVersion }),
        now: clock.now,
        log,
      })
  const tellRefusal = refusalTeller({ clock, log })
  const admission = createAdmission({
    limits: config.limits,
    descriptors: maxDescriptors(),
    onRefused: (reason) => {
      app.metrics.refused(reason)
      tellRefusal(reason)
    },
  })
  const wrongTokens = createWrongTokens({
    limits: config.limits,
    clock,
    log,
    onWrong: app.metrics.wrongToken,
  })
  const common = {
    authenticate: async (operation: Operation, request: FastifyRequest) => {
      const principal = await principalOf(app, operation, request)
      if (principal !== undefined) admission.prove(request.raw)
      return principal
    },
    isStopping: app.isStopping,
    onAnswer: app.metrics.answered,
    judge: wrongTokens.judge,
    bodies: app.bodies,
    limits: config.limits,
    log,
  }
  const admin = routesOf(adminHandlers, app).map((route) => recorded(route, log))
  const ops = routesOf(opsHandlers, app)
  const server = createServer({
    ...common,
    ...(certificate ? { tls: certificate.current() } : {}),
    routes: [
      ...routesOf(controlHandlers, app),
      ...admin,
      ...ops.filter(({ name }) => name !== 'metrics' || !config.metrics),
    ],
  })
  admission.guard(server.server, certificate ? 'tls' : 'plain')
  // A door of their own: it is open when the port is full.
  const adminServer = createServer({ ...common, routes: [...admin, ...ops] })
  const metricsServer = createServer({ ...common, routes: ops.filter(isForMonitors) })
  const servers = [server, adminServer, metricsServer]
  stack.defer(async () => {
    const cut = setTimeout(() => {
      for (const each of servers) each.server.closeAllConnections()
    }, graceMs)
    await Promise.all(servers.map((each) => each.close()))
    clearTimeout(cut)
  })
  stack.defer(() => {
    app.stop()
    app.streams.endAll()
  })
  await listenOn(server, { host: config.host, port: config.port, backlog }, '--listen')
  if (config.adminSocket !== undefined) await listenOnSocket(adminServer, config.adminSocket)
  if (config.metrics) await listenOn(metricsServer, config.metrics, '--metrics-listen')
  if (config.stun) stack.use(await startStunServer(config.stun, log))
  const { port } = server.server.address() as AddressInfo // it listens on TCP
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const scheme = certificate ? 'https' : 'http'
  const url = `${scheme}://${host}:${port}`
  app.servesAt(`${scheme}://${reachableHost(config, host)}:${port}`)
  for (const job of jobsOf(app)) stack.use(startPeriodic(job, { clock, log }))
  if (certificate) {
    const renewal = { name: 'renew certificate', everyMs: renewalMs, run: certificate.refresh }
    stack.use(startPeriodic(renewal, { clock, log }))
    app.metrics.showCertificates(certificate.ends)
  }
  const opened = stack.move()
  return {
    app,
    url,
    async reload(next) {
      const { config, needsRestart } = reloadConfig(app.config, next)
      app.reconfigure(config)
      await certificate?.refresh()
      if (needsRestart.length > 0)
        log.warn('settings change with the next start only', { settings: needsRestart })
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** What monitors ask for. */
function isForMonitors({ name }: { name: string }): boolean {
  return ['metrics', 'health', 'healthz', 'readyz'].includes(name)
}

/** Names that older versions took are kept until somebody changes them. */
function warnOfHostnames({ fleet, log }: App): void {
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

/** From the address that it was sent from, for a person to find the machine. */
function noteInstance({ instances }: App, { no }: NodeRecord, request: FastifyRequest): void {
  const text = String(request.headers[instanceHeader] ?? '')
  const id = /^[\w-]{1,64}$/.test(text) ? text : undefined
  instances.heard(no, { id, address: request.ip })
}

/** Where all addresses are listened on, none of them is one to be told: a name that the certificate has is. */
function reachableHost({ tlsNames }: Config, host: string): string {
  if (host !== '0.0.0.0' && host !== '[::]') return host
  const [name = hostname()] = tlsNames
  return name.includes(':') ? `[${name}]` : name
}

async function principalOf(
  app: App,
  operation: Operation,
  request: FastifyRequest,
): Promise<unknown> {
  if (operation.auth === 'bootstrap') return admitPacked(app, request)
  const nowMs = app.clock.now()
  const principal = authenticate(operation, request, { fleet: app.fleet, nowMs })
  if (operation.auth !== 'node') return principal
  const node = principal as NodeRecord // what `node` rows are called by
  limitWrites(app, operation, node.id)
  noteInstance(app, node, request)
  await welcome(app, node)
  await noteToken(app, node, bearerToken(request))
  // Both may have made another record of it.
  return app.fleet.node(node.id) ?? node
}

/** The first call of a node proves that it has its identity. */
async function welcome(app: App, node: NodeRecord): Promise<void> {
  if (node.status !== 'pending') return
  try {
    await markOnline(app, node.id)
  } catch (error) {
    app.log.warn('node not marked online', { node_id: node.id, error })
  }
}

/** How often the certificate is looked at: files of the operator's may be others, our own is made anew before its end. */
const renewalMs = 3_600_000

/** Connections that the kernel keeps until they are taken: a fleet comes at once. */
const backlog = 4_096

/** What requests under way get to finish, once nothing new is taken. */
const graceMs = 3_000

function loadTlsFor(config: Config, clock: Clock) {
  return loadTls({
    dataDir: config.dataDir,
    listenHost: config.host,
    extraNames: config.tlsNames,
    ...(config.tlsCertFile === undefined ? {} : { certFile: config.tlsCertFile }),
    ...(config.tlsKeyFile === undefined ? {} : { keyFile: config.tlsKeyFile }),
    ...(config.caKeyFile === undefined ? {} : { caKeyFile: config.caKeyFile }),
    nowMs: clock.now(),
  })
}
