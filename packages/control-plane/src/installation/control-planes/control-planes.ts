import { createSecretKey, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { ControlPlaneState, ControlPlaneView } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import type { Relaying } from '../../http/connections/proxies/proxy-header.ts'
import type { Link } from '../../replicas/forwarder.ts'
import { markOf, relayingIn } from '../../replicas/link-header.ts'
import { createSeenMarks } from '../../replicas/marks.ts'
import { type DatabasePlace, postgresPlace } from '../../store/place/database.ts'
import type { Announced, ControlPlaneRegister } from '../../store/postgres/control-planes.ts'
import { version } from '../../version.ts'
import { linkOf } from './link-of.ts'
import { createOwnNote } from './own-note.ts'
import { mergeStunServers, stunServersOf } from './stun-servers.ts'

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
  /** `HOST:PORT` of the STUN servers that nodes are told to ask: its own first, then those of the others, likewise. */
  stunServers(): readonly string[]
  /** How the one is that has written this header of a connection; undefined if that is no other one, or it has come before. */
  writerOf(header: Buffer): Relaying | undefined
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
  /** `HOST:PORT` of its STUN servers, by which nodes reach them. */
  stun: () => readonly string[]
  clock: Pick<Clock, 'now' | 'monotonic'>
  log: Log
}

/** Connects when it is first asked for: before, it may be that the database is not ours. */
export function createControlPlanes(
  place: DatabasePlace,
  { id, state, names, stun, clock, log }: Self,
): ControlPlanes {
  const postgres = postgresPlace(place)
  const key = createSecretKey(randomBytes(32))
  const isNewMark = createSeenMarks()
  const link = key.export().toString('base64')
  let streams = (): number => 0
  let address = ''
  let opening: Promise<ControlPlaneRegister> | undefined
  let others: readonly Announced[] = []
  let othersStun: readonly string[] = []

  const own = createOwnNote(
    () => ({
      ...{ id, machine: hostname(), pid: process.pid, version, state: state() },
      ...{ streams: streams(), address, link, names: names(), stun: stun() },
    }),
    clock,
  )

  function register(): Promise<ControlPlaneRegister> | undefined {
    if (!postgres) return undefined
    opening ??= open(postgres).catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }

  return {
    async list() {
      const self = own.look()
      const all = (await (await register())?.list()) ?? []
      const rest = all.filter((one) => one.id !== id)
      const nowMs = clock.now()
      return [{ ...self, silentMs: 0 }, ...rest].map((one) => viewOf(one, nowMs))
    },
    async meet() {
      // Until our turn has come or we wait for it, nobody knows whether the database is ours.
      const open = state() === 'starting' ? undefined : await register()
      if (!open) return { serving: undefined, hasNewNames: false }
      await own.tell(open)
      const before = new Set(namesOf(others))
      const now = (await open.list()).filter((one) => one.id !== id)
      others = now
      othersStun = stunServersOf(now)
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
    stunServers: () => mergeStunServers(stun(), othersStun),
    writerOf(header) {
      const mark = markOf(header, key)
      return mark !== undefined && isNewMark(mark) ? relayingIn(header) : undefined
    },
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
  const { openControlPlaneRegister } = await import('../../store/postgres/control-planes.ts')
  return openControlPlaneRegister(place)
}

function viewOf(
  {
    sinceMs,
    silentMs,
    state,
    link: _,
    names: _names,
    stun,
    ...one
  }: Announced & { silentMs: number },
  nowMs: number,
): ControlPlaneView {
  return {
    ...one,
    stun_servers: [...stun],
    state: state as ControlPlaneState, // what was announced, and of one that is asked
    since: new Date(sinceMs).toISOString(),
    seen_at: new Date(nowMs - silentMs).toISOString(),
  }
}
