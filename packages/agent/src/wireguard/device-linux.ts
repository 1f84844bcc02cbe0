import type { Peer } from '@plexd/protocol'
import { standardRunDir } from '../disk/namespace-folder.ts'
import { isDevice } from '../routing/tables/network-monitor.ts'
import type { WgPeer } from './backend/wg-interface.ts'
import type { DeviceStep, NetworkListener, WireguardDevice } from './device/device.ts'
import { type KeptRecord, keepRecord, recordPath } from './device/device-record.ts'
import { createDeviceApply } from './device-apply.ts'
import type { LinuxDeviceOptions } from './device-options.ts'
import { startInterfaceWatch } from './interface/interface-watch.ts'
import { explainTakenPort } from './interface/port-taken.ts'
import { isTunnel } from './interface/sight.ts'
import { takeBack } from './interface/take-back.ts'
import { createLinuxParts, type LinuxParts } from './linux-parts.ts'

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
  readonly #parts: LinuxParts
  readonly #apply: (wanted: readonly Peer[]) => Promise<readonly DeviceStep[]>

  constructor(options: LinuxDeviceOptions & { runDir: string }, record: KeptRecord) {
    this.interfaceName = options.interfaceName
    this.#options = options
    this.#parts = createLinuxParts(options, record)
    this.#apply = createDeviceApply(this.#parts)
  }

  get backend(): string {
    return this.#parts.driven.backend?.name ?? 'none'
  }

  async setPrivateKey(privateKey: string): Promise<void> {
    this.#parts.key.set(privateKey)
  }

  holdPsks(): void {
    this.#parts.key.hold()
  }

  reclaim({ taken = false } = {}): Promise<DeviceStep[]> {
    return this.#parts.exclusive(async () => {
      if (!taken && isDevice(this.interfaceName)) return []
      const sight = taken ? await this.#parts.driver.findStray() : await this.#parts.cache.recent()
      const detail = sight && (await takeBack(this.#parts.driver, this.interfaceName, sight))
      if (detail === undefined) return []
      this.#parts.cache.forget()
      return [{ type: 'interface_repaired', detail }]
    })
  }

  async apply(wanted: readonly Peer[]): Promise<readonly DeviceStep[]> {
    try {
      return await this.#parts.exclusive(() => this.#apply(wanted))
    } catch (error) {
      throw explainTakenPort(error, this.#options.listenPort)
    }
  }

  watch(look: () => Promise<unknown>, listener: Partial<NetworkListener> = {}): AsyncDisposable {
    const { log } = this.#options
    const trusted = this.#parts.cache.trust()
    const watch = startInterfaceWatch({
      onRoutes() {},
      onUnwatched() {},
      ...listener,
      interfaceName: this.interfaceName,
      look,
      onChange: this.#parts.cache.forget,
      isDisturbed: () =>
        this.#parts.driven.backend && this.#parts.driver.isDisturbed(this.#parts.driven.backend),
      onMove: () => {
        this.#tellPeers().catch((error: unknown) =>
          log.warn('peers are not told of the new address', { error }),
        )
        listener.onMove?.()
      },
      meshRanges: () => this.#options.network().meshRanges,
      clock: this.#parts.clock,
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
    return this.#parts.handshakes.startAll()
  }

  peers(): Promise<readonly WgPeer[]> {
    return this.#parts.exclusive(async () => {
      const sight = await this.#parts.driver.look()
      if (sight.state === 'frozen') throw new Error(`${sight.why}: it will be replaced`)
      return sight.state === 'wireguard' ? sight.wg.peers : []
    })
  }

  remove(): Promise<boolean> {
    return this.#parts.exclusive(async () => {
      // If the process does not answer, the next request finds out that it is dead.
      const sight = await this.#parts.driver.look().catch(() => this.#parts.driver.look())
      if (isTunnel(sight)) await this.#parts.driver.remove(sight)
      this.#parts.cache.forget()
      await this.#parts.kept.remove()
      return isTunnel(sight)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.handovers[Symbol.asyncDispose]()
    await this.#parts.handshakes[Symbol.asyncDispose]()
    await this.#parts.exclusive(async () => {})
    await this.#parts.kept[Symbol.asyncDispose]()
  }

  #tellPeers(): Promise<void> {
    return this.#parts.exclusive(async () => {
      this.#parts.cache.forget()
      if (this.#parts.driven.backend) await this.#parts.writer.tellPeers(this.#parts.driven.backend)
    })
  }
}
