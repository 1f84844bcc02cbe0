import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { type Clock, describeError, handOver } from '@plexd/runtime'
import type { RunningApp } from './app.ts'
import type { Config } from './config/config.ts'
import { reloadConfig } from './config/reload.ts'
import { listenOnSocket } from './http/admin-socket.ts'
import { listenOn } from './http/listen.ts'
import type { Authority } from './installation/replace-authority.ts'
import { readServing } from './installation/serving.ts'
import { settleAnnouncement } from './installation/settle.ts'
import { shareAuthority } from './installation/share-authority.ts'
import { jobsOf } from './jobs/index.ts'
import { startPeriodic } from './jobs/periodic.ts'
import { saveLastSeen } from './jobs/save-last-seen.ts'
import { warnOfHostnames } from './nodes/hostname.ts'
import { warnOfUnconfirmed } from './nodes/unconfirmed-list.ts'
import { openApp, type StartOptions } from './open-app/open-app.ts'
import { forgetRotations } from './rotation/key-request.ts'
import { forgetHalfWritten } from './runs/drive.ts'
import { createServers, type Servers } from './serving/servers.ts'
import { startStunServer } from './stun/server.ts'
import { type Authorities, loadTls, readCaKey } from './tls/authority.ts'
import { hostAddresses } from './tls/host-addresses.ts'
import { type ServedCertificate, serveCertificate } from './tls/served-certificate.ts'

export interface ControlPlane extends AsyncDisposable {
  readonly app: RunningApp
  /** `https://host:port` to connect to, with the actual port. */
  readonly url: string
  /** Where it listens, with the actual port. */
  readonly address: AddressInfo
  /**
   * Reads the settings again, takes those that may change, reports those that may not, and reads the certificates again.
   * Streams stay open. Rejects if something cannot be read; what is wrong with settings is shown until they are right.
   */
  reload(read: () => Promise<Config>): Promise<void>
}

/** Opens the data folder and serves. Disposing answers 503, ends the streams, finishes requests in flight and closes. */
export async function startControlPlane(
  config: Config,
  options: StartOptions,
): Promise<ControlPlane> {
  const { clock, log } = options
  await using stack = new AsyncDisposableStack()
  const app = stack.use(await openApp(config, options))
  stack.defer(() => saveLastSeen(app))
  warnOfHostnames(app.fleet, log)
  await forgetRotations(app)
  await forgetHalfWritten(app)
  await warnOfUnconfirmed({ reader: app.store.reader, fleet: app.fleet }, log)
  await shareAuthority(app)
  const certificate = config.insecureHttp
    ? undefined
    : await serveCertificate({
        load: async () =>
          loadTlsFor(app.config, clock, await readServing(app.store.reader, app.masterKey)),
        onReplaced: (tls) => servers.show(tls),
        now: clock.now,
        log,
      })
  app.shows(
    certificate && {
      ...certificate,
      ownAuthority: () => ownAuthority(app, certificate),
    },
  )
  await settleAnnouncement(app)
  const servers = stack.use(createServers(app, certificate?.current()))
  stack.defer(async () => {
    app.stop()
    app.streams.endAll()
    await app.relay.stop()
  })
  const url = await listen(servers, app)
  if (config.stun) stack.use(await startStunServer(config.stun, log))
  for (const job of jobsOf(app)) stack.use(startPeriodic(job, { clock, log }))
  if (certificate) stack.use(startRenewal(app, certificate))
  return {
    app,
    url,
    address: servers.main.server.address() as AddressInfo, // it listens on TCP
    async reload(read) {
      takeOver(app, await readAgain(app, read))
      await certificate?.refresh()
      await settleAnnouncement(app)
    },
    [Symbol.asyncDispose]: handOver(stack),
  }
}

async function readAgain(app: RunningApp, read: () => Promise<Config>): Promise<Config> {
  try {
    return await read()
  } catch (error) {
    app.reloaded({ ...app.reloads, error: describeError(error) })
    throw error
  }
}

function takeOver(app: RunningApp, next: Config): void {
  const { config, needsRestart } = reloadConfig(app.config, next)
  app.reconfigure(config)
  app.reloaded({ needsRestart, error: undefined })
  if (needsRestart.length > 0)
    app.log.warn('settings change with the next start only', { settings: needsRestart })
}

/** Resolves to our address on this machine, and tells the app the address for nodes. */
async function listen(servers: Servers, app: RunningApp): Promise<string> {
  const { config } = app
  // First, before anything is served: the umask for the socket would affect files written at the same time.
  if (config.adminSocket !== undefined) await listenOnSocket(servers.admin, config.adminSocket)
  if (config.metrics && servers.metrics)
    await listenOn(servers.metrics, config.metrics, '--metrics-listen')
  // Last: until all servers are listening, requests are answered "starting".
  await listenOn(servers.main, { ...config.listen, backlog }, '--listen')
  const { port } = servers.main.server.address() as AddressInfo // it listens on TCP
  const host = config.listen.host.includes(':') ? `[${config.listen.host}]` : config.listen.host
  const scheme = config.insecureHttp ? 'http' : 'https'
  app.servesAt(`${scheme}://${reachableHost(config, host)}:${port}`)
  // A wildcard address cannot be connected to.
  return isEveryAddress(host) ? app.publicUrl() : `${scheme}://${host}:${port}`
}

function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '[::]'
}

/** For wildcard addresses: the name in the requested certificate, otherwise one of the machine's addresses. */
function reachableHost({ tlsNames }: Config, host: string): string {
  if (!isEveryAddress(host)) return host
  const [name = firstAddress() ?? hostname()] = tlsNames
  return name.includes(':') ? `[${name}]` : name
}

/** IPv4 before IPv6, without loopback. */
function firstAddress(): string | undefined {
  return hostAddresses()
    .filter(({ internal }) => !internal)
    .toSorted((one, other) => one.family.localeCompare(other.family))[0]?.address
}

/** Its key may be kept elsewhere. */
async function ownAuthority(
  { config, store, masterKey }: RunningApp,
  { current }: ServedCertificate,
): Promise<Authority> {
  const key = (await readServing(store.reader, masterKey))?.key ?? readCaKey(config)
  return { certificate: current().ca ?? '', key }
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

/** How often the certificate is checked: the operator may replace the files, and we renew our own before it expires. */
const renewalMs = 3_600_000

/** The listen backlog, because a whole fleet connects at once. */
const backlog = 4_096

function loadTlsFor(config: Config, clock: Clock, authorities: Authorities | undefined) {
  return loadTls({
    dataDir: config.dataDir,
    listenHost: config.listen.host,
    extraNames: config.tlsNames,
    ...(config.tlsCertFile === undefined ? {} : { certFile: config.tlsCertFile }),
    ...(config.tlsKeyFile === undefined ? {} : { keyFile: config.tlsKeyFile }),
    ...(config.caKeyFile === undefined ? {} : { caKeyFile: config.caKeyFile }),
    authorities,
    nowMs: clock.now(),
  })
}
