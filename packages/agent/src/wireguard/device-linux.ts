import type { Peer } from '@plexd/protocol'
import {
  type Clock,
  createSerialQueue,
  describeError,
  type Exec,
  exec as execProgram,
  type Log,
  systemClock,
} from '@plexd/runtime'
import { standardRunDir } from '../disk/namespace-folder.ts'
import { publicKeyOf } from '../identity/keys.ts'
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
import { type HandoverLoop, startHandoverLoop } from './handover/handover-loop.ts'
import { type HeldPsks, leavingPsks, withoutNewPsks } from './handover/held-psks.ts'
import {
  createInterfaceCache,
  type InterfaceCache,
  withChanges,
} from './interface/interface-cache.ts'
import {
  createInterfaceDriver,
  type InterfaceDriver,
  isTunnel,
  type Sight,
} from './interface/interface-driver.ts'
import { changesInterface, type InterfacePlan, planInterface } from './interface/interface-plan.ts'
import { startInterfaceWatch } from './interface/interface-watch.ts'
import { createInterfaceWriter, type InterfaceWriter } from './interface/interface-writer.ts'
import { standardMtu } from './interface/link.ts'
import { type FirstHandshakes, firstHandshakes, newlyReachable } from './peers/first-handshake.ts'
import { handshakeRetries, type NewPeers } from './peers/handshake-retries.ts'
import { type HandshakeWatch, startHandshakeWatch } from './peers/handshake-watch.ts'
import { addedSpeaking } from './peers/keepalive.ts'
import { diffPeers, type PeerDiff } from './peers/peer-diff.ts'
import { createReturningPeers, type ReturningPeers } from './peers/returning-peers.ts'
import { refusalError, withoutRefused, writePeers } from './peers/write-peers.ts'

/** The mesh-wide settings for this node. */
export interface MeshNetwork {
  /** Its mesh address. */
  meshIp: string
  /** All ranges (CIDR). */
  meshRanges: readonly string[]
  /** The ranges routed into the mesh on this machine. */
  routed: readonly string[]
}

export interface LinuxDeviceOptions {
  interfaceName: string
  /** 0 for any. */
  listenPort: number
  mtu?: number
  /** A function, because a new node learns it late, and it changes. */
  network(): MeshNetwork
  /** 0 for none. A function, because it depends on the NAT this node is found to be behind. */
  keepaliveSeconds(): number
  /** For files that need not outlive the interface. */
  runDir?: string
  /** The folder of wireguard-go's sockets. */
  uapiDir?: string
  exec?: Exec
  clock?: Clock
  log: Log
}

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
  readonly #handshakeWatch: HandshakeWatch
  readonly #returning: ReturningPeers
  readonly #record: KeptRecord
  #privateKey = ''
  #held: HeldPsks | undefined
  /** The PSKs held for the key that is to be written next. */
  #promised: HeldPsks = new Map()
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
      isOurKey: (privateKey) => this.#isOurKey(privateKey),
      exec,
      clock,
    })
    this.#cache = createInterfaceCache(this.#driver, clock)
    this.#returning = createReturningPeers(clock)
    const nowSeconds = (): number => clock.now() / 1_000
    this.#writer = createInterfaceWriter({ ...options, driver: this.#driver, nowSeconds })
    this.#handovers = startHandoverLoop({
      backend: () => this.#backend,
      keepaliveSeconds: options.keepaliveSeconds,
      record: record.current,
      remember: (next) => this.#remember(next),
      onWrite: this.#cache.forget,
      exclusive: this.#exclusive,
      clock,
      log,
    })
    this.#handshakeWatch = startHandshakeWatch({
      tryAgain: (due) => this.#exclusive(() => this.#tryAgain(due)),
      clock,
      log,
    })
  }

  get backend(): string {
    return this.#backend?.name ?? 'none'
  }

  async setPrivateKey(privateKey: string): Promise<void> {
    this.#privateKey = privateKey
    this.#promised = this.#held ?? new Map()
    this.#held = undefined
  }

  holdPsks(): void {
    this.#held ??= new Map()
  }

  reclaim({ taken = false } = {}): Promise<DeviceStep[]> {
    return this.#exclusive(async () => {
      if (!taken && isDevice(this.interfaceName)) return []
      const sight = taken ? await this.#driver.findStray() : await this.#cache.recent()
      const detail = sight && (await this.#takeBack(sight))
      if (detail === undefined) return []
      this.#cache.forget()
      return [{ type: 'interface_repaired', detail }]
    })
  }

  async apply(wanted: readonly Peer[]): Promise<readonly DeviceStep[]> {
    try {
      return await this.#exclusive(() => this.#bring(wanted))
    } catch (error) {
      throw isTaken.test(describeError(error)) ? takenError(this.#options.listenPort) : error
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
    return this.#exclusive(async () => {
      if (!this.#backend) return
      const { peers } = await this.#backend.read()
      const rotating = new Set(this.#record.current().handovers.map(({ to }) => to))
      const reachable = peers.filter(
        ({ public_key, endpoint }) => endpoint !== '' && !rotating.has(public_key),
      )
      const keepalive_seconds = this.#options.keepaliveSeconds()
      this.#cache.forget()
      await this.#backend.write({
        peers: addedSpeaking(reachable.map((peer) => ({ ...peer, keepalive_seconds }))),
      })
      const started = reachable.map(({ public_key }) => public_key)
      this.#handshakeWatch.watch({ started, awaited: new Map() })
    })
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
    await this.#handshakeWatch[Symbol.asyncDispose]()
    await this.#exclusive(async () => {})
    await this.#record[Symbol.asyncDispose]()
  }

  #plan(sight: Sight): InterfacePlan {
    if (this.#privateKey === '') throw new Error('the interface has no private key yet')
    const { listenPort, mtu = standardMtu } = this.#options
    const { meshIp, routed } = this.#options.network()
    const wanted = {
      name: this.interfaceName,
      privateKey: this.#privateKey,
      listenPort,
      keepaliveSeconds: this.#options.keepaliveSeconds(),
      link: { mtu, address: `${meshIp}/32`, routes: routed },
    }
    return planInterface(
      wanted,
      sight,
      this.#record.current(),
      new Set(this.#handshakeWatch.awaited().keys()),
    )
  }

  /** What was done; undefined if our interface does not exist under another name. */
  async #takeBack(sight: Sight): Promise<string | undefined> {
    if (sight.state === 'frozen') {
      await this.#driver.remove(sight)
      return sight.why
    }
    if (sight.state !== 'wireguard' || sight.link.name === this.interfaceName) return undefined
    await this.#driver.rename(sight.link.name)
    return `interface was renamed to "${sight.link.name}"`
  }

  /** The differences at this observation: of the interface itself, and of its peers. */
  #compare(wanted: readonly Peer[], sight: Sight): Difference {
    const plan = this.#plan(sight)
    const isNew = plan.rebuild || sight.state !== 'wireguard'
    const actual = isNew ? [] : sight.wg.peers
    const byKey = new Map(actual.map((peer) => [peer.public_key, peer]))
    const peers = diffPeers(this.#held ? withoutNewPsks(wanted, byKey, this.#held) : wanted, {
      actual,
      record: isNew ? emptyRecord : this.#record.current(),
      opening: this.#handovers.psks(),
      withheld: this.#handshakeWatch.awaited(),
      keepaliveSeconds: this.#options.keepaliveSeconds(),
      nowMs: this.#clock.now(),
      bootMs: this.#clock.boot(),
    })
    return { plan, peers }
  }

  #isOurKey(privateKey: string): boolean {
    if (privateKey === '') return false
    const { public_key } = this.#record.current()
    return privateKey === this.#privateKey || publicKeyOf(privateKey) === public_key
  }

  /** PSKs for a new key are written just before it: a handshake begun in between would fail. */
  async #write(
    backend: Backend,
    wanted: readonly Peer[],
    present: readonly WgPeer[],
    { plan, peers: { writes, record } }: Difference,
  ): Promise<readonly PeerChange[]> {
    this.#handovers.expect(wanted, record, this.#held)
    const leaving = leavingPsks(this.#record.current().handovers, present, this.#promised)
    const first = this.#whoStarts(writes, record)
    const changes = [...leaving, ...first.writes, ...plan.keepalives]
    const refusals = await writePeers(backend, changes)
    this.#promised = new Map()
    this.#handshakeWatch.watch(first)
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
    const sight = await this.#cache.take(({ wg }) => isOnSilent(first.peers.steps, wg.peers))
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
    await this.#record.replace({ ...record, public_key: publicKeyOf(this.#privateKey) })
    if (record.handovers.length > 0) this.#handovers.wake()
  }

  /** Those that cannot be watched are not waited for either. */
  #whoStarts(writes: readonly PeerChange[], { handovers }: DeviceRecord): FirstHandshakes {
    const first = firstHandshakes(writes, publicKeyOf(this.#privateKey), handovers)
    if (this.#handshakeWatch.hasRoom(first.awaited.size)) return first
    return { writes, started: newlyReachable(writes), awaited: new Map() }
  }

  /** The peers that have not answered yet, except those that wait for a new key. */
  async #tryAgain({ publicKeys, ...watched }: NewPeers): Promise<ReadonlySet<string>> {
    if (!this.#backend) return new Set()
    const rotating = new Set(this.#record.current().handovers.map(({ to }) => to))
    const { peers } = await this.#backend.read()
    const { changes, unanswered } = handshakeRetries(
      { publicKeys: publicKeys.difference(rotating), ...watched },
      peers,
      this.#options.keepaliveSeconds(),
    )
    if (changes.length > 0) {
      this.#cache.forget()
      await this.#backend.write({ peers: changes })
    }
    return unanswered
  }
}

/** Neither the kernel nor wg nor wireguard-go says which port is in use. */
const isTaken = /address already in use/i

function takenError(port: number): Error {
  return new Error(
    `listen on UDP port ${port}: another program has it: "ss -ulpn sport = :${port}" shows which; end that, or name another port as "mesh.listen_port" in the config`,
  )
}

interface Difference {
  plan: InterfacePlan
  peers: PeerDiff
}

function isNothing({ plan, peers }: Difference): boolean {
  return plan.faults.length === 0 && peers.writes.length === 0
}

/** The interface itself first, then its peers. */
function stepsOf({ plan, peers }: Difference): DeviceStep[] {
  const repairs = plan.faults.map((detail): DeviceStep => ({ type: 'interface_repaired', detail }))
  return [...repairs, ...peers.steps]
}

/** A peer without a session is re-added, so that must be certain. */
function isOnSilent(steps: readonly DeviceStep[], peers: readonly WgPeer[]): boolean {
  const silent = new Set(
    peers.flatMap((peer) => (peer.handshake_at === 0 ? [peer.public_key] : [])),
  )
  return steps.some((step) => step.type === 'peer_updated' && silent.has(step.peer.public_key))
}
