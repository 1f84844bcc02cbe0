import { hostname } from 'node:os'
import type { ControlPlaneState, ControlPlaneView } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import { type DatabasePlace, postgresPlace } from '../store/place/database.ts'
import type { Announced, ControlPlaneRegister } from '../store/postgres/control-planes.ts'
import { version } from '../version.ts'

/** The control planes of the installation: this one, and those that share its database. */
export interface ControlPlanes extends AsyncDisposable {
  list(): Promise<ControlPlaneView[]>
  /** Tells the others of this one; to be repeated. */
  announce(): Promise<void>
  /** How many event streams it has, once it may have any. */
  showStreams(count: () => number): void
}

interface Self {
  id: string
  state: () => ControlPlaneState | 'starting'
  clock: Pick<Clock, 'now'>
  log: Log
}

/** Connects when it is first asked for: before, it may be that the database is not ours. */
export function createControlPlanes(
  place: DatabasePlace,
  { id, state, clock, log }: Self,
): ControlPlanes {
  const postgres = postgresPlace(place)
  let streams = (): number => 0
  let last = { state: state(), sinceMs: clock.now() }
  let opening: Promise<ControlPlaneRegister> | undefined

  function self(): Announced {
    const now = state()
    if (now !== last.state) last = { state: now, sinceMs: clock.now() }
    return { id, machine: hostname(), pid: process.pid, version, ...last, streams: streams() }
  }

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
      const own = self()
      const all = (await (await register())?.list()) ?? []
      const others = all.filter((one) => one.id !== id)
      const nowMs = clock.now()
      return [{ ...own, silentMs: 0 }, ...others].map((one) => viewOf(one, nowMs))
    },
    async announce() {
      // Until our turn has come or we wait for it, nobody knows whether the database is ours.
      if (state() !== 'starting') await (await register())?.announce(self())
    },
    showStreams(count) {
      streams = count
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

async function open(place: NonNullable<ReturnType<typeof postgresPlace>>) {
  // Loaded lazily: most installations have none of it.
  const { openControlPlaneRegister } = await import('../store/postgres/control-planes.ts')
  return openControlPlaneRegister(place)
}

function viewOf(
  { sinceMs, silentMs, state, ...one }: Announced & { silentMs: number },
  nowMs: number,
): ControlPlaneView {
  return {
    ...one,
    state: state as ControlPlaneState, // what was announced, and of one that is asked
    since: new Date(sinceMs).toISOString(),
    seen_at: new Date(nowMs - silentMs).toISOString(),
  }
}
