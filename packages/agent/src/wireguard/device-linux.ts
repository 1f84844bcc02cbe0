import type { Peer } from '@plexd/protocol'
import { type Clock, createSerialQueue, exec as execProgram, systemClock } from '@plexd/runtime'
import { standardRunDir } from '../disk/namespace-folder.ts'
import { isDevice } from '../routing/tables/network-monitor.ts'
import { uapiDir as standardUapiDir } from './backend/backend-userspace.ts'
import type { WgPeer } from './backend/wg-interface.ts'
import type { DeviceStep, NetworkListener, WireguardDevice } from './device/device.ts'
import {
  type DeviceRecord,
  type KeptRecord,
  keepRecord,
  recordPath,
} from './device/device-record.ts'
import { createDeviceApply, type DeviceParts } from './device-apply.ts'
import type { LinuxDeviceOptions } from './device-options.ts'
import { type HandoverLoop, startHandoverLoop } from './handover/handover-loop.ts'
import { type Handshakes, startHandshakes } from './handshakes.ts'
import { createInterfaceCache, type InterfaceCache } from './interface/interface-cache.ts'
import { createInterfaceDriver, type InterfaceDriver } from './interface/interface-driver.ts'
import { startInterfaceWatch } from './interface/interface-watch.ts'
import { createInterfaceWriter, type InterfaceWriter } from './interface/interface-writer.ts'
import { explainTakenPort } from './interface/port-taken.ts'
import { isTunnel } from './interface/sight.ts'
import { takeBack } from './interface/take-back.ts'
import { createOwnKey } from './own-key.ts'

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
  readonly #record: KeptRecord
  readonly #key = createOwnKey()
  readonly #driven: DeviceParts['driven'] = { backend: undefined }
  readonly #apply: (wanted: readonly Peer[]) => Promise<readonly DeviceStep[]>
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
    const nowSeconds = (): number => clock.now() / 1_000
    this.#writer = createInterfaceWriter({ ...options, driver: this.#driver, nowSeconds })
    const shared = {
      backend: () => this.#driven.backend,
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
    this.#apply = createDeviceApply({
      options,
      key: this.#key,
      kept: record,
      remember: (next) => this.#remember(next),
      cache: this.#cache,
      writer: this.#writer,
      handovers: this.#handovers,
      handshakes: this.#handshakes,
      clock,
      driven: this.#driven,
    })
  }

  get backend(): string {
    return this.#driven.backend?.name ?? 'none'
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
      return await this.#exclusive(() => this.#apply(wanted))
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
      isDisturbed: () => this.#driven.backend && this.#driver.isDisturbed(this.#driven.backend),
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

  #tellPeers(): Promise<void> {
    return this.#exclusive(async () => {
      this.#cache.forget()
      if (this.#driven.backend) await this.#writer.tellPeers(this.#driven.backend)
    })
  }

  async #remember(record: DeviceRecord): Promise<void> {
    await this.#record.replace({ ...record, public_key: this.#key.public() })
    if (record.handovers.length > 0) this.#handovers.wake()
  }
}
