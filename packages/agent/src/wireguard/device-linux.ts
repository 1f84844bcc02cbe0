import type { Peer } from '@plexd/protocol'
import { type Clock, createSerialQueue, exec as execProgram, systemClock } from '@plexd/runtime'
import { standardRunDir } from '../disk/namespace-folder.ts'
import { isDevice } from '../routing/network-monitor.ts'
import { uapiDir as standardUapiDir } from './backend/backend-userspace.ts'
import type { Backend, PeerChange, WgPeer } from './backend/wg-interface.ts'
import type { DeviceStep, NetworkListener, WireguardDevice } from './device/device.ts'
import {
  type DeviceRecord,
  emptyRecord,
  type KeptRecord,
  keepRecord,
  recordPath,
} from './device/device-record.ts'
import { type LinuxDeviceOptions, wantedInterface } from './device-options.ts'
import { compareDevice, type Difference, isNothing, isOnSilent, stepsOf } from './difference.ts'
import { type HandoverLoop, startHandoverLoop } from './handover/handover-loop.ts'
import { leavingPsks } from './handover/held-psks.ts'
import { type Handshakes, startHandshakes } from './handshakes.ts'
import {
  createInterfaceCache,
  type InterfaceCache,
  withChanges,
} from './interface/interface-cache.ts'
import { createInterfaceDriver, type InterfaceDriver } from './interface/interface-driver.ts'
import { changesInterface } from './interface/interface-plan.ts'
import { startInterfaceWatch } from './interface/interface-watch.ts'
import { createInterfaceWriter, type InterfaceWriter } from './interface/interface-writer.ts'
import { explainTakenPort } from './interface/port-taken.ts'
import { isTunnel, type Sight } from './interface/sight.ts'
import { takeBack } from './interface/take-back.ts'
import { createOwnKey } from './own-key.ts'
import { newlyReachable } from './peers/first-handshake.ts'
import { createReturningPeers, type ReturningPeers } from './peers/returning-peers.ts'
import { refusalError, withoutRefused, writePeers } from './peers/write-peers.ts'

/** The mesh interface of this machine. Disposing leaves it in place, because traffic does not need the daemon. */
export interface LinuxDevice extends WireguardDevice, AsyncDisposable {}

export async function createLinuxDevice(options: LinuxDeviceOptions): Promise<LinuxDevice> {
  const runDir = options.runDir ?? standardRunDir
  const record = await keepRecord(recordPath(runDir, options.interfaceName))
  return new Device({ ...options, runDir }, record)
}

class Device implements LinuxDevice {
  readonly interfaceName: string
  readonly disabledBecause = undefined
  readonly #options: LinuxDeviceOptions
  readonly #clock: Clock
  readonly #driver: InterfaceDriver
  readonly #writer: InterfaceWriter
  readonly #cache: InterfaceCache
  readonly #handovers: HandoverLoop
  readonly #handshakes: Handshakes
  readonly #returning: ReturningPeers
  readonly #record: KeptRecord
  readonly #key = createOwnKey()
  #backend: Backend | undefined
  /** Nothing may change between a read and the write based on it. */
  readonly #exclusive = createSerialQueue()

  constructor(options: LinuxDeviceOptions & { runDir: string }, record: KeptRecord) {
    const { uapiDir = standardUapiDir, exec = execProgram, clock = systemClock, log } = options
    this.interfaceName = options.interfaceName
    this.#options = options
    this.#clock = clock
    this.#record = record
    this.#driver = createInterfaceDriver({
      ...options,
      uapiDir,
      isOurKey: (privateKey) => this.#key.isOurs(privateKey, record.current()),
      exec,
      clock,
    })
    this.#cache = createInterfaceCache(this.#driver, clock)
    this.#returning = createReturningPeers(clock)
    const nowSeconds = (): number => clock.now() / 1_000
    this.#writer = createInterfaceWriter({ ...options, driver: this.#driver, nowSeconds })
    const shared = {
      backend: () => this.#backend,
      keepaliveSeconds: options.keepaliveSeconds,
      record: record.current,
      onWrite: this.#cache.forget,
      exclusive: this.#exclusive,
      clock,
      log,
    }
    this.#handovers = startHandoverLoop({
      ...shared,
      remember: (next) => this.#remember(next),
    })
    this.#handshakes = startHandshakes({ ...shared, publicKey: this.#key.public })
  }

  get backend(): string {
    return this.#backend?.name ?? 'none'
  }

  async setPrivateKey(privateKey: string): Promise<void> {
    this.#key.set(privateKey)
  }

  holdPsks(): void {
    this.#key.hold()
  }

  reclaim({ taken = false } = {}): Promise<DeviceStep[]> {
    return this.#exclusive(async () => {
      if (!taken && isDevice(this.interfaceName)) return []
      const sight = taken ? await this.#driver.findStray() : await this.#cache.recent()
      const detail = sight && (await takeBack(this.#driver, this.interfaceName, sight))
      if (detail === undefined) return []
      this.#cache.forget()
      return [{ type: 'interface_repaired', detail }]
    })
  }

  async apply(wanted: readonly Peer[]): Promise<readonly DeviceStep[]> {
    try {
      return await this.#exclusive(() => this.#bring(wanted))
    } catch (error) {
      throw explainTakenPort(error, this.#options.listenPort)
    }
  }

  watch(look: () => Promise<unknown>, listener: Partial<NetworkListener> = {}): AsyncDisposable {
    const { log } = this.#options
    const trusted = this.#cache.trust()
    const watch = startInterfaceWatch({
      onRoutes() {},
      onUnwatched() {},
      ...listener,
      interfaceName: this.interfaceName,
      look,
      onChange: this.#cache.forget,
      isDisturbed: () => this.#backend && this.#driver.isDisturbed(this.#backend),
      onMove: () => {
        this.#tellPeers().catch((error: unknown) =>
          log.warn('peers are not told of the new address', { error }),
        )
        listener.onMove?.()
      },
      meshRanges: () => this.#options.network().meshRanges,
      clock: this.#clock,
      log,
    })
    return {
      [Symbol.asyncDispose]: async () => {
        trusted[Symbol.dispose]()
        await watch[Symbol.asyncDispose]()
      },
    }
  }

  reconnect(): Promise<void> {
    return this.#handshakes.startAll()
  }

  peers(): Promise<readonly WgPeer[]> {
    return this.#exclusive(async () => {
      const sight = await this.#driver.look()
      if (sight.state === 'frozen') throw new Error(`${sight.why}: it will be replaced`)
      return sight.state === 'wireguard' ? sight.wg.peers : []
    })
  }

  remove(): Promise<boolean> {
    return this.#exclusive(async () => {
      // If the process does not answer, the next request finds out that it is dead.
      const sight = await this.#driver.look().catch(() => this.#driver.look())
      if (isTunnel(sight)) await this.#driver.remove(sight)
      this.#cache.forget()
      await this.#record.remove()
      return isTunnel(sight)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handovers[Symbol.asyncDispose]()
    await this.#handshakes[Symbol.asyncDispose]()
    await this.#exclusive(async () => {})
    await this.#record[Symbol.asyncDispose]()
  }

  #compare(peers: readonly Peer[], sight: Sight): Difference {
    const device = wantedInterface(this.#options, this.#key.private())
    return compareDevice({ device, peers }, sight, {
      held: this.#key.held(),
      record: this.#record.current(),
      opening: this.#handovers.psks(),
      withheld: this.#handshakes.awaited(),
      nowMs: this.#clock.now(),
      bootMs: this.#clock.boot(),
    })
  }

  /** PSKs for a new key are written just before it: a handshake begun in between would fail. */
  async #write(
    backend: Backend,
    wanted: readonly Peer[],
    present: readonly WgPeer[],
    { plan, peers: { writes, record } }: Difference,
  ): Promise<readonly PeerChange[]> {
    this.#handovers.expect(wanted, record, this.#key.held())
    const leaving = leavingPsks(this.#record.current().handovers, present, this.#key.promised())
    const first = this.#handshakes.begin(writes, record)
    const changes = [...leaving, ...first.writes, ...plan.keepalives]
    const refusals = await writePeers(backend, changes)
    this.#key.kept()
    this.#handshakes.watch(first)
    if (!plan.rebuild) {
      await this.#writer.writeKeyAndPort(
        backend,
        plan,
        withChanges(present, writes).map(({ public_key }) => public_key),
      )
    }
    await this.#remember(withoutRefused(record, refusals))
    await this.#writer.writeLink(backend, plan)
    if (refusals.length > 0) throw refusalError(refusals, record)
    return changes
  }

  async #bring(wanted: readonly Peer[]): Promise<readonly DeviceStep[]> {
    const seen = await this.#cache.recent()
    const first = this.#compare(wanted, seen)
    if (seen.state === 'wireguard' && !first.plan.rebuild) this.#backend = seen.backend
    if (isNothing(first)) {
      const { record } = first.peers
      if (record !== this.#record.current()) await this.#remember(record)
      return []
    }
    const sight = await this.#cache.take(({ wg }) => isOnSilent(first, wg.peers))
    const difference = sight === seen ? first : this.#compare(wanted, sight)
    await this.#writeAll(sight, wanted, difference)
    return stepsOf(difference)
  }

  async #writeAll(sight: Sight, wanted: readonly Peer[], difference: Difference): Promise<void> {
    const { plan } = difference
    if (plan.rebuild || sight.state !== 'wireguard') {
      await this.#record.replace(emptyRecord)
      const hadOne = this.#backend !== undefined
      this.#backend = await this.#writer.rebuild(sight, plan)
      const changes = await this.#write(this.#backend, wanted, [], difference)
      if (hadOne) await this.#writer.speak(this.#backend, newlyReachable(changes))
    } else {
      const { peers } = this.#record.current()
      const actual = new Set(sight.wg.peers.map(({ public_key }) => public_key))
      const changes = await this.#write(sight.backend, wanted, sight.wg.peers, difference)
      const isMissed = (key: string): boolean => key in peers && !actual.has(key)
      await this.#writer.speak(sight.backend, this.#returning.follow(changes, isMissed))
      if (!changesInterface(plan)) this.#cache.putBack(sight, changes)
    }
  }

  #tellPeers(): Promise<void> {
    return this.#exclusive(async () => {
      this.#cache.forget()
      if (this.#backend) await this.#writer.tellPeers(this.#backend)
    })
  }

  async #remember(record: DeviceRecord): Promise<void> {
    await this.#record.replace({ ...record, public_key: this.#key.public() })
    if (record.handovers.length > 0) this.#handovers.wake()
  }
}
