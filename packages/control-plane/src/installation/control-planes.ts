import { createSecretKey, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import type { ControlPlaneState, ControlPlaneView } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import type { Link } from '../replicas/forwarder.ts'
import { isOfReplica } from '../replicas/link-header.ts'
import { type DatabasePlace, postgresPlace } from '../store/place/database.ts'
import type { Announced, ControlPlaneRegister } from '../store/postgres/control-planes.ts'
import { version } from '../version.ts'
import { linkOf } from './link-of.ts'

/** The control planes of the installation: this one, and those that share its database. */
export interface ControlPlanes extends AsyncDisposable {
  list(): Promise<ControlPlaneView[]>
  /** Tells the others of this one, and looks who they are; to be repeated. */
  meet(): Promise<Met>
  /** How many event streams it has, once it may have any. */
  showStreams(count: () => number): void
  /** `HOST:PORT` at which the others reach it, once it listens. */
  showAddress(address: string): void
  /** By which clients reach the others, as they were last met. */
  names(): readonly string[]
  /** `HOST:PORT` of each of those that listen, likewise. */
  addresses(): readonly string[]
  /** Whether another one has written this header of a connection. */
  wrote(header: Buffer): boolean
}

export interface Met {
  /** The way to the one that serves; undefined if that is this one, or nobody. */
  serving: Link | undefined
  /** Whether clients reach the others by other names than before. */
  hasNewNames: boolean
}

interface Self {
  id: string
  state: () => ControlPlaneState | 'starting'
  /** By which clients reach it. */
  names: () => readonly string[]
  clock: Pick<Clock, 'now' | 'monotonic'>
  log: Log
}

/** Where nothing has changed, others see by this that it is still there. */
const announceMs = 3_000

/** Connects when it is first asked for: before, it may be that the database is not ours. */
export function createControlPlanes(
  place: DatabasePlace,
  { id, state, names, clock, log }: Self,
): ControlPlanes {
  const postgres = postgresPlace(place)
  const key = createSecretKey(randomBytes(32))
  const link = key.export().toString('base64')
  let streams = (): number => 0
  let address = ''
  let last = { state: state(), sinceMs: clock.now() }
  let lastAtMs = clock.monotonic()
  let opening: Promise<ControlPlaneRegister> | undefined
  let told: { self: Announced; atMs: number } | undefined
  let others: readonly Announced[] = []

  function self(): Announced {
    const now = state()
    if (now !== last.state) {
      last = { state: now, sinceMs: clock.now() }
      lastAtMs = clock.monotonic()
    }
    const way = { address, link, names: names() }
    return {
      id,
      machine: hostname(),
      pid: process.pid,
      version,
      ...last,
      ...way,
      streams: streams(),
    }
  }

  function register(): Promise<ControlPlaneRegister> | undefined {
    if (!postgres) return undefined
    opening ??= open(postgres).catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }

  async function announce(to: ControlPlaneRegister): Promise<void> {
    const own = self()
    const nowMs = clock.monotonic()
    const isOld = !told || nowMs - told.atMs >= announceMs
    if (!isOld && isDeepStrictEqual({ ...told?.self, streams: 0 }, { ...own, streams: 0 })) return
    await to.announce(own, nowMs - lastAtMs)
    told = { self: own, atMs: nowMs }
  }

  return {
    async list() {
      const own = self()
      const all = (await (await register())?.list()) ?? []
      const rest = all.filter((one) => one.id !== id)
      const nowMs = clock.now()
      return [{ ...own, silentMs: 0 }, ...rest].map((one) => viewOf(one, nowMs))
    },
    async meet() {
      // Until our turn has come or we wait for it, nobody knows whether the database is ours.
      const open = state() === 'starting' ? undefined : await register()
      if (!open) return { serving: undefined, hasNewNames: false }
      await announce(open)
      const before = new Set(namesOf(others))
      const now = (await open.list()).filter((one) => one.id !== id)
      others = now
      return {
        serving: linkOf(now),
        hasNewNames: namesOf(now).some((name) => !before.has(name)),
      }
    },
    showStreams(count) {
      streams = count
    },
    showAddress(given) {
      address = given
    },
    names: () => namesOf(others),
    addresses: () => others.map((one) => one.address).filter((text) => text !== ''),
    wrote: (header) => isOfReplica(header, key),
    async [Symbol.asyncDispose]() {
      const open = await opening?.catch(() => undefined)
      await open?.leave(id).catch((error: unknown) => {
        log.info('the others see for a minute that this control plane was there', { error })
      })
      await open?.[Symbol.asyncDispose]()
    },
  }
}

function namesOf(all: readonly Announced[]): string[] {
  return all.flatMap(({ names }) => names)
}

async function open(place: NonNullable<ReturnType<typeof postgresPlace>>) {
  // Loaded lazily: most installations have none of it.
  const { openControlPlaneRegister } = await import('../store/postgres/control-planes.ts')
  return openControlPlaneRegister(place)
}

function viewOf(
  { sinceMs, silentMs, state, link: _, names: _names, ...one }: Announced & { silentMs: number },
  nowMs: number,
): ControlPlaneView {
  return {
    ...one,
    state: state as ControlPlaneState, // what was announced, and of one that is asked
    since: new Date(sinceMs).toISOString(),
    seen_at: new Date(nowMs - silentMs).toISOString(),
  }
}
