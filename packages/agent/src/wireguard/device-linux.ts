import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Clock,
  describeError,
  type Exec,
  exec as execProgram,
  type Log,
  systemClock,
} from '@plexd/runtime'
import { startTask } from '../task.ts'
import { createTrigger } from '../trigger.ts'
import type { Backend } from './backend.ts'
import { uapiDir as standardUapiDir } from './backend-userspace.ts'
import type { DeviceStep, ObservedDevice, WireguardDevice } from './device.ts'
import { type DeviceRecord, emptyRecord, loadRecord, saveRecord } from './device-record.ts'
import { completion, dueHandovers } from './handover.ts'
import { createInterfaceDriver, type InterfaceDriver, type Sight } from './interface-driver.ts'
import { type InterfacePlan, planInterface } from './interface-plan.ts'
import { startInterfaceWatch } from './interface-watch.ts'
import { publicKeyOf } from './keys.ts'
import { forgetSources, keysInUse, kicks, settled } from './kick.ts'
import { type HeldPsks, observedPeers, withoutNewPsks } from './observed-peers.ts'
import { changesFor } from './peer-changes.ts'
import type { PeerChange, WgPeer } from './wg-interface.ts'
import { type Refusal, writePeers } from './write-peers.ts'

export interface LinuxDeviceOptions {
  interfaceName: string
  /** 0 for any. */
  listenPort: number
  mtu?: number
  /** This node's address and the range of the whole mesh (CIDR). Asked for when needed: a new node learns them late. */
  network(): { meshIp: string; meshRange: string }
  /** 0 for none. Asked for when needed: it depends on the NAT that this node is found to be behind. */
  keepaliveSeconds(): number
  /** For files that need not outlive the interface. */
  runDir?: string
  /** Where wireguard-go has its sockets. */
  uapiDir?: string
  exec?: Exec
  clock?: Clock
  log: Log
}

/** The mesh interface of this machine. Disposing leaves it as it is: packets do not need the daemon. */
export interface LinuxDevice extends WireguardDevice, AsyncDisposable {
  /** The peers as WireGuard has them, with endpoint, handshake and counters of this moment. */
  peers(): Promise<readonly WgPeer[]>
  /** Ends the interface, and wireguard-go with it. */
  remove(): Promise<void>
}

/** 1500 less the 80 bytes that WireGuard adds over IPv6. */
const defaultMtu = 1420

export async function createLinuxDevice(options: LinuxDeviceOptions): Promise<LinuxDevice> {
  const { interfaceName, runDir = '/run/plexd' } = options
  const recordPath = join(runDir, `${interfaceName}.json`)
  return new Device({ ...options, runDir }, recordPath, await loadRecord(recordPath))
}

class Device implements LinuxDevice {
  readonly interfaceName: string
  readonly disabledBecause = undefined
  readonly #options: LinuxDeviceOptions
  readonly #driver: InterfaceDriver
  readonly #clock: Clock
  readonly #recordPath: string
  #record: DeviceRecord
  #privateKey = ''
  #held: HeldPsks | undefined
  #backend: Backend | undefined
  /** From the last observation, for the apply that follows it. */
  #sight: Sight | undefined
  #lock: Promise<unknown> = Promise.resolve()
  readonly #handoverBegun
  readonly #handovers: AsyncDisposable

  constructor(
    options: LinuxDeviceOptions & { runDir: string },
    recordPath: string,
    record: DeviceRecord,
  ) {
    const { interfaceName, uapiDir = standardUapiDir, exec = execProgram } = options
    this.interfaceName = interfaceName
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#driver = createInterfaceDriver({ interfaceName, runDir: options.runDir, uapiDir, exec })
    this.#recordPath = recordPath
    this.#record = record
    this.#handoverBegun = createTrigger(this.#clock)
    this.#handovers = startTask((signal) => this.#completeHandovers(signal))
  }

  get backend(): string {
    return this.#backend?.name ?? 'none'
  }

  async setPrivateKey(privateKey: string): Promise<void> {
    this.#privateKey = privateKey
    this.#held = undefined
  }

  holdPsks(): void {
    this.#held ??= new Map()
  }

  observe(): Promise<ObservedDevice> {
    return this.#exclusive(async () => {
      const sight = await this.#driver.look()
      const { faults, rebuild } = this.#plan(sight)
      this.#sight = sight
      if (rebuild || sight.state !== 'wireguard') return { peers: [], listen_port: 0, faults }
      this.#backend = sight.backend
      const { peers, listen_port } = sight.wg
      return { peers: observedPeers(peers, this.#record, this.#held), listen_port, faults }
    })
  }

  apply(steps: readonly DeviceStep[]): Promise<void> {
    return this.#exclusive(async () => {
      const sight = this.#sight ?? (await this.#driver.look())
      this.#sight = undefined
      const plan = this.#plan(sight)
      if (plan.rebuild || sight.state !== 'wireguard') {
        this.#backend = await this.#rebuild(sight, plan)
        await this.#write(this.#backend, steps, [], plan)
      } else {
        await this.#write(sight.backend, steps, sight.wg.peers, plan)
      }
    })
  }

  watch(look: () => Promise<unknown>, onMove?: () => void): AsyncDisposable {
    return startInterfaceWatch({
      interfaceName: this.interfaceName,
      look,
      isDisturbed: async () => this.#backend && this.#driver.isDisturbed(this.#backend),
      onMove: () => {
        this.#exclusive(() => this.#tellPeers()).catch((error: unknown) =>
          this.#options.log.warn('peers are not told of the new address', { error }),
        )
        onMove?.()
      },
      clock: this.#clock,
      log: this.#options.log,
    })
  }

  peers(): Promise<readonly WgPeer[]> {
    return this.#exclusive(async () => {
      const sight = await this.#driver.look()
      return sight.state === 'wireguard' ? sight.wg.peers : []
    })
  }

  remove(): Promise<void> {
    return this.#exclusive(async () => {
      const sight = await this.#driver.look()
      if (sight.state === 'wireguard') await this.#driver.remove()
      this.#record = emptyRecord
      await rm(this.#recordPath, { force: true })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handovers[Symbol.asyncDispose]()
    await this.#lock
  }

  /** One at a time: what one reads, another must not change before it has written. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lock.then(work)
    this.#lock = result.catch(() => {}) // its caller is told
    return result
  }

  #plan(sight: Sight): InterfacePlan {
    if (this.#privateKey === '') throw new Error('the interface has no private key yet')
    const { listenPort, mtu = defaultMtu } = this.#options
    const { meshIp, meshRange } = this.#options.network()
    const wanted = {
      name: this.interfaceName,
      privateKey: this.#privateKey,
      listenPort,
      keepaliveSeconds: this.#options.keepaliveSeconds(),
      link: { mtu, address: `${meshIp}/32`, route: meshRange },
    }
    return planInterface(wanted, sight, this.#record)
  }

  async #rebuild(sight: Sight, plan: InterfacePlan): Promise<Backend> {
    if (sight.state !== 'absent') await this.#driver.remove()
    this.#record = emptyRecord
    const backend = await this.#driver.make()
    const { private_key = '', listen_port } = plan
    await backend.write({
      private_key,
      ...(listen_port === undefined ? {} : { listen_port }),
      peers: [],
    })
    return backend
  }

  async #write(
    backend: Backend,
    steps: readonly DeviceStep[],
    present: readonly WgPeer[],
    plan: InterfacePlan,
  ): Promise<void> {
    const actual = new Map(present.map((peer) => [peer.public_key, peer]))
    const { writes, record } = changesFor(
      this.#held ? withoutNewPsks(steps, actual, this.#held) : steps,
      {
        actual,
        record: this.#record,
        keepaliveSeconds: this.#options.keepaliveSeconds(),
        nowMs: this.#clock.now(),
      },
    )
    const refusals = await writePeers(backend, [...writes, ...plan.keepalives])
    if (!plan.rebuild) await this.#writeInterface(backend, plan, keysAfter(present, writes))
    await this.#remember(withoutRefused(record, refusals))
    await this.#driver.ip(plan.ip)
    if (plan.ip.some((line) => line.endsWith(' up'))) await this.#listen(backend)
    if (refusals.length > 0) throw refusalError(refusals, record)
  }

  /** The PSKs for a new key have been written just before: a handshake begun between the two would fail. */
  async #writeInterface(
    backend: Backend,
    { private_key, listen_port }: InterfacePlan,
    publicKeys: readonly string[],
  ): Promise<void> {
    if (private_key !== undefined) {
      await backend.write({ private_key, peers: kicks(publicKeys) })
      await backend.write({ peers: settled(publicKeys, this.#options.keepaliveSeconds()) })
    }
    if (listen_port !== undefined) await backend.write({ listen_port, peers: [] })
  }

  /** wireguard-go says whether it got its port only when it is told while it is up. */
  async #listen(backend: Backend): Promise<void> {
    const { listenPort } = this.#options
    if (backend.name !== 'wireguard-go' || listenPort === 0) return
    try {
      await backend.write({ listen_port: listenPort, peers: [] })
    } catch (cause) {
      // It would look healthy from then on.
      await this.#driver.remove()
      throw new Error(`listen on UDP port ${listenPort}`, { cause })
    }
  }

  /** This machine has another address: those who speak with us learn it from the next packet, so there must be one. */
  async #tellPeers(): Promise<void> {
    const backend = this.#backend
    if (!backend) return
    const { peers } = await backend.read()
    const inUse = keysInUse(peers, this.#clock.now() / 1_000)
    await backend.write({ peers: [...forgetSources(peers, backend.name), ...kicks(inUse)] })
    await backend.write({ peers: settled(inUse, this.#options.keepaliveSeconds()) })
  }

  async #remember(record: DeviceRecord): Promise<void> {
    this.#record = { ...record, public_key: publicKeyOf(this.#privateKey) }
    await saveRecord(this.#recordPath, this.#record)
    if (record.handovers.length > 0) this.#handoverBegun.fire()
  }

  async #completeHandovers(signal: AbortSignal): Promise<void> {
    for (;;) {
      const startedMs = performance.now()
      const isWell = await this.#exclusive(() => this.#completeDue()).then(
        () => true,
        (error: unknown) => {
          this.#options.log.warn('handover to a new key waits', { error: describeError(error) })
          return false
        },
      )
      // Half of the time at most, however long a look takes.
      const tookMs = performance.now() - startedMs
      const pauseMs = isWell ? this.#handoverPauseMs(tookMs) : 5_000
      await this.#handoverBegun.wait(pauseMs, signal)
    }
  }

  /** A peer begins with its new key about two seconds after the news; until then each packet counts. */
  #handoverPauseMs(tookMs: number): number {
    const { handovers } = this.#record
    if (handovers.length === 0) return 24 * 3_600_000
    const youngestMs = Math.max(...handovers.map(({ started_ms }) => started_ms))
    return Math.max(tookMs, this.#clock.now() - youngestMs < 10_000 ? 2 : 500)
  }

  async #completeDue(): Promise<void> {
    const { handovers } = this.#record
    if (handovers.length === 0 || !this.#backend) return
    const { peers } = await this.#backend.read()
    const due = dueHandovers(handovers, peers, this.#clock.now())
    if (due.length === 0) return
    const keepaliveSeconds = this.#options.keepaliveSeconds()
    await this.#backend.write({
      peers: due.flatMap((handover) => completion(handover, keepaliveSeconds)),
    })
    this.#sight = undefined
    const ended = new Set(due.map(({ from }) => from))
    await this.#remember({
      ...this.#record,
      handovers: handovers.filter((handover) => !due.includes(handover)),
      peers: Object.fromEntries(
        Object.entries(this.#record.peers).filter(([key]) => !ended.has(key)),
      ),
    })
    for (const { peer_id } of due) this.#options.log.info('peer uses its new key', { peer_id })
  }
}

function keysAfter(present: readonly WgPeer[], writes: readonly PeerChange[]): string[] {
  const keys = new Set(present.map(({ public_key }) => public_key))
  for (const { type, public_key } of writes) {
    if (type === 'remove') keys.delete(public_key)
    else keys.add(public_key)
  }
  return [...keys]
}

/** What was refused is not there, and will be missed by the next observation. */
function withoutRefused(record: DeviceRecord, refusals: readonly Refusal[]): DeviceRecord {
  const refused = new Set(refusals.map(({ public_key }) => public_key))
  return {
    ...record,
    peers: Object.fromEntries(Object.entries(record.peers).filter(([key]) => !refused.has(key))),
  }
}

function refusalError(refusals: readonly Refusal[], record: DeviceRecord): AggregateError {
  const errors = refusals.map(({ public_key, error }) => {
    const name = record.peers[public_key]?.id ?? public_key
    return new Error(`peer "${name}"`, { cause: error })
  })
  return new AggregateError(errors, `WireGuard refused ${refusals.length} peers`)
}
