import type { AddressInfo } from 'node:net'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import type { RunningApp } from './app.ts'
import type { Config } from './config/config.ts'
import { settleAnnouncement } from './installation/settle.ts'
import { jobsOf } from './jobs/index.ts'
import { type Job, startPeriodic } from './jobs/periodic.ts'
import { saveLastSeen } from './jobs/save-last-seen.ts'
import { openCertificate, renewing } from './open-app/certificate.ts'
import { openApp } from './open-app/open-app.ts'
import { openEnvironment } from './open-app/open-environment.ts'
import { reloadSettings } from './open-app/reload-settings.ts'
import { settleApp } from './open-app/settle.ts'
import { type TurnOptions, takeTurn } from './open-app/turn.ts'
import { seeingWhoServes } from './serving/deposed.ts'
import { openMainDoor, openPlainDoors } from './serving/doors.ts'
import { afterDrain, drain } from './serving/draining.ts'
import { meeting, meetOthers } from './serving/meet.ts'
import { ownAddressOf } from './serving/own-address.ts'
import { createServers, type Servers } from './serving/servers.ts'
import type { OnStep } from './store/start-step.ts'
import { startStunServer } from './stun/server.ts'

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
 * Opens the data folder and serves, once it is its turn; until then, connections are passed on to the control plane that serves. Disposing drains, then answers
 * new requests 503, ends the streams, finishes requests in flight and closes.
 */
export async function startControlPlane(
  config: Config,
  options: StartOptions,
): Promise<ControlPlane> {
  const { clock, log, onStep, onListening = () => {} } = options
  await using stack = new AsyncDisposableStack()
  const repeat = (job: Job) => stack.use(startPeriodic(job, { clock, log }))
  const environment = openEnvironment(config, { clock, log, stack })
  // It needs no database, so it answers while we wait, and goes on when our turn comes.
  if (config.stun) stack.use(await startStunServer(config.stun, log))
  const servers = stack.use(createServers(environment))
  stack.defer(environment.stop)
  if (config.databaseUrl !== undefined) repeat(meeting(environment, servers))
  const signal = afterDrain(options.signal, async () => {
    if (environment.notServing() === 'waiting') await drain(environment, servers.passedOnEnds)
  })
  const database = stack.use(await takeTurn(environment, servers, { ...options, signal }))
  // A turn that came meanwhile is for another one.
  options.signal?.throwIfAborted()
  const app = stack.use(await openApp(environment, database, { onStep }))
  stack.defer(() => saveLastSeen(app))
  await settleApp(app)
  const certificate = await openCertificate(app, servers.show)
  await settleAnnouncement(app)
  // Who is told to end while it opens ends here: whom it began to serve, it would have to drain.
  options.signal?.throwIfAborted()
  servers.serve(app)
  if (certificate) servers.show(certificate.current())
  stack.use(servers) // closed before what is behind them
  stack.defer(() => endStreams(app))
  const url = await listen(servers, app)
  onListening(url)
  if (config.databaseUrl !== undefined) {
    await meetOthers(app, servers).catch(() => {}) // it is tried again
    repeat(seeingWhoServes(app))
  }
  for (const job of jobsOf(app)) repeat(job)
  if (certificate) repeat(renewing(app, certificate))
  stack.defer(() => drain(app, app.streams.ends)) // first, while all goes on
  return {
    app,
    url,
    address: servers.main.server.address() as AddressInfo, // it listens on TCP
    async reload(read) {
      await reloadSettings(app, read)
      await certificate?.refresh()
      await settleAnnouncement(app)
    },
    [Symbol.asyncDispose]: handOver(stack),
  }
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

async function endStreams(app: RunningApp): Promise<void> {
  app.stop()
  app.streams.endAll()
  await app.relay.stop()
}
