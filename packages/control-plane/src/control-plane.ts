import type { AddressInfo } from 'node:net'
import { type Clock, describeError, handOver, type Log } from '@plexd/runtime'
import type { RunningApp } from './app.ts'
import type { Config } from './config/config.ts'
import { reloadConfig } from './config/reload.ts'
import { loadCertificate } from './installation/certificate.ts'
import type { Authority } from './installation/replace-authority.ts'
import { readServing } from './installation/serving.ts'
import { settleAnnouncement } from './installation/settle.ts'
import { shareAuthority } from './installation/share-authority.ts'
import { jobsOf } from './jobs/index.ts'
import { startPeriodic } from './jobs/periodic.ts'
import { saveLastSeen } from './jobs/save-last-seen.ts'
import { warnOfHostnames } from './nodes/hostname.ts'
import { warnOfUnconfirmed } from './nodes/unconfirmed-list.ts'
import { openApp } from './open-app/open-app.ts'
import { openEnvironment } from './open-app/open-environment.ts'
import { type TurnOptions, takeTurn } from './open-app/turn.ts'
import { forgetRotations } from './rotation/key-request.ts'
import { forgetHalfWritten } from './runs/drive.ts'
import { seeingWhoServes } from './serving/deposed.ts'
import { openMainDoor, openPlainDoors } from './serving/doors.ts'
import { meeting, meetOthers } from './serving/meet.ts'
import { ownAddressOf } from './serving/own-address.ts'
import { createServers, type Servers } from './serving/servers.ts'
import type { OnStep } from './store/start-step.ts'
import { startStunServer } from './stun/server.ts'
import { readCaKey } from './tls/authority.ts'
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

export interface StartOptions extends TurnOptions {
  clock: Clock
  log: Log
  onStep?: OnStep | undefined
}

/**
 * Opens the data folder and serves, once it is its turn; until then, connections are passed on to the control plane that serves. Disposing answers
 * new requests 503, ends the streams, finishes requests in flight and closes.
 */
export async function startControlPlane(
  config: Config,
  options: StartOptions,
): Promise<ControlPlane> {
  const { clock, log, onStep, onListening = () => {} } = options
  await using stack = new AsyncDisposableStack()
  const environment = openEnvironment(config, { clock, log, stack })
  const servers = stack.use(createServers(environment))
  stack.defer(environment.stop)
  if (config.databaseUrl !== undefined)
    stack.use(startPeriodic(meeting(environment, servers), { clock, log }))
  const database = stack.use(await takeTurn(environment, servers, options))
  const app = stack.use(await openApp(environment, database, { onStep }))
  stack.defer(() => saveLastSeen(app))
  warnOfHostnames(app.fleet, log)
  await forgetRotations(app)
  await forgetHalfWritten(app)
  await warnOfUnconfirmed({ reader: app.store.reader, fleet: app.fleet }, log)
  await shareAuthority(app)
  const certificate = config.insecureHttp
    ? undefined
    : await serveCertificate({
        load: () =>
          loadCertificate(app.config, {
            reader: app.store.reader,
            masterKey: app.masterKey,
            otherNames: app.controlPlanes.names(),
            nowMs: clock.now(),
          }),
        onReplaced: servers.show,
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
  servers.serve(app)
  if (certificate) servers.show(certificate.current())
  stack.use(servers) // closed before what is behind them
  stack.defer(async () => {
    app.stop()
    app.streams.endAll()
    await app.relay.stop()
  })
  const url = await listen(servers, app)
  onListening(url)
  if (config.databaseUrl !== undefined) {
    await meetOthers(app, servers).catch(() => {}) // it is tried again
    stack.use(startPeriodic(seeingWhoServes(app), { clock, log }))
  }
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
  await openPlainDoors(servers, config)
  // Last: until all servers are listening, requests are answered "starting".
  const { port } = await openMainDoor(servers, config)
  const { forNodes, here, forPeers } = ownAddressOf(config, port)
  app.controlPlanes.showAddress(forPeers)
  app.servesAt(forNodes)
  return here ?? app.publicUrl()
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
