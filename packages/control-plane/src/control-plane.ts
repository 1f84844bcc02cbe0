import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import type { RunningApp } from './app.ts'
import type { Config } from './config/config.ts'
import { reloadConfig } from './config/reload.ts'
import { listenOnSocket } from './http/admin-socket.ts'
import { listenOn } from './http/listen.ts'
import { jobsOf } from './jobs/index.ts'
import { startPeriodic } from './jobs/periodic.ts'
import { saveLastSeen } from './jobs/save-last-seen.ts'
import { warnOfHostnames } from './nodes/hostname.ts'
import { warnOfUnconfirmed } from './nodes/unconfirmed-list.ts'
import { openApp } from './open-app.ts'
import { forgetRotations } from './rotation/forget-rotations.ts'
import { createServers, type Servers } from './serving/servers.ts'
import { startStunServer } from './stun/server.ts'
import { loadTls } from './tls/authority.ts'
import { hostAddresses } from './tls/host-addresses.ts'
import { type ServedCertificate, serveCertificate } from './tls/served-certificate.ts'

export interface ControlPlane extends AsyncDisposable {
  readonly app: RunningApp
  /** `https://host:port` to go to, with the port that was really taken. */
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
  const app = stack.use(await openApp(config, { clock, log }))
  stack.defer(() => saveLastSeen(app))
  warnOfHostnames(app.fleet, log)
  await forgetRotations(app)
  await warnOfUnconfirmed({ reader: app.store.reader, fleet: app.fleet }, log)
  const certificate = config.insecureHttp
    ? undefined
    : await serveCertificate({
        load: () => loadTlsFor(app.config, clock),
        onReplaced: (tls) => servers.show(tls),
        now: clock.now,
        log,
      })
  const servers = stack.use(createServers(app, certificate?.current()))
  stack.defer(() => {
    app.stop()
    app.streams.endAll()
  })
  const url = await listen(servers, app)
  if (config.stun) stack.use(await startStunServer(config.stun, log))
  for (const job of jobsOf(app)) stack.use(startPeriodic(job, { clock, log }))
  if (certificate) stack.use(startRenewal(app, certificate))
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
    [Symbol.asyncDispose]: handOver(stack),
  }
}

/** Resolves to where we are reached on this machine, and tells the app where nodes reach us. */
async function listen(servers: Servers, app: RunningApp): Promise<string> {
  const { config } = app
  // First, while nobody is served: what else is written in this moment would have the mode of a socket.
  if (config.adminSocket !== undefined) await listenOnSocket(servers.admin, config.adminSocket)
  if (config.metrics && servers.metrics)
    await listenOn(servers.metrics, config.metrics, '--metrics-listen')
  // Last: whoever comes before all doors are open is told that we are starting.
  await listenOn(servers.main, { ...config.listen, backlog }, '--listen')
  const { port } = servers.main.server.address() as AddressInfo // it listens on TCP
  const host = config.listen.host.includes(':') ? `[${config.listen.host}]` : config.listen.host
  const scheme = config.insecureHttp ? 'http' : 'https'
  app.servesAt(`${scheme}://${reachableHost(config, host)}:${port}`)
  // An address that stands for all of them is none to go to.
  return isEveryAddress(host) ? app.publicUrl() : `${scheme}://${host}:${port}`
}

function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '[::]'
}

/** Where all addresses are listened on: what the certificate was asked to name, else one of them. */
function reachableHost({ tlsNames }: Config, host: string): string {
  if (!isEveryAddress(host)) return host
  const [name = firstAddress() ?? hostname()] = tlsNames
  return name.includes(':') ? `[${name}]` : name
}

/** IPv4 before IPv6, and none that is good on this machine only. */
function firstAddress(): string | undefined {
  return hostAddresses()
    .filter(({ internal }) => !internal)
    .toSorted((one, other) => one.family.localeCompare(other.family))[0]?.address
}

function startRenewal(
  { metrics, clock, log }: RunningApp,
  { refresh, ends }: ServedCertificate,
): AsyncDisposable {
  metrics.showCertificates(ends)
  return startPeriodic(
    { name: 'renew certificate', everyMs: renewalMs, run: refresh },
    { clock, log },
  )
}

/** How often the certificate is looked at: files of the operator's may be others, our own is made anew before its end. */
const renewalMs = 3_600_000

/** Connections that the kernel keeps until they are taken: a fleet comes at once. */
const backlog = 4_096

function loadTlsFor(config: Config, clock: Clock) {
  return loadTls({
    dataDir: config.dataDir,
    listenHost: config.listen.host,
    extraNames: config.tlsNames,
    ...(config.tlsCertFile === undefined ? {} : { certFile: config.tlsCertFile }),
    ...(config.tlsKeyFile === undefined ? {} : { keyFile: config.tlsKeyFile }),
    ...(config.caKeyFile === undefined ? {} : { caKeyFile: config.caKeyFile }),
    nowMs: clock.now(),
  })
}
