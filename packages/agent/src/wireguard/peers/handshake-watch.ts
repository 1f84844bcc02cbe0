import { type Clock, describeError, type Log, withJitter } from '@plexd/runtime'
import { startTask } from '../../process/task.ts'
import { createTrigger } from '../../process/trigger.ts'
import type { FirstHandshakes } from './first-handshake.ts'
import type { NewPeers } from './handshake-retries.ts'

/**
 * Retries handshakes with new peers that do not answer. Two nodes learn of each other at about the same time: the first
 * initiation is often dropped, by a peer that does not know us yet or by its NAT.
 */
export interface HandshakeWatch extends AsyncDisposable {
  /** Whether it can watch so many more. */
  hasRoom(count: number): boolean
  watch(peers: Pick<FirstHandshakes, 'started' | 'awaited'>): void
  /** The public keys of those that are to start the handshake -> the withheld endpoint, until the first retry is made. */
  awaited(): ReadonlyMap<string, string>
}

/**
 * The delays before each retry, for the node that starts and the one that waits. At no time do both retry: a second
 * handshake would collide as the first.
 */
const pausesMs = { started: [900, 1_800, 3_000], awaited: [400, 1_400, 3_000] }
const jitterShare = 0.15
/** Retries due within this time are made together, because each reads the whole interface. */
const togetherMs = 100
/** Limits the burst when a large mesh starts. */
const maxWatched = 100

interface Watch {
  role: keyof typeof pausesMs
  publicKeys: readonly string[]
  tries: number
  dueMs: number
}

export function startHandshakeWatch(deps: {
  /** Retries those that have not answered, and resolves to them. */
  tryAgain(due: NewPeers): Promise<ReadonlySet<string>>
  clock: Clock
  log: Log
  random?: () => number
}): HandshakeWatch {
  const { tryAgain, clock, log, random } = deps
  const trigger = createTrigger(clock)
  const awaited = new Map<string, string>()
  let watched: Watch[] = []

  function add({ role, publicKeys, tries }: Omit<Watch, 'dueMs'>): void {
    const pauseMs = pausesMs[role][tries]
    if (pauseMs === undefined || publicKeys.length === 0) return
    const dueMs = clock.monotonic() + withJitter(pauseMs, jitterShare, random)
    watched.push({ role, publicKeys, tries, dueMs })
  }

  async function tryDue(): Promise<void> {
    const untilMs = clock.monotonic() + togetherMs
    const due = watched.filter(({ dueMs }) => dueMs <= untilMs)
    watched = watched.filter((watch) => !due.includes(watch))
    const publicKeys = new Set(due.flatMap((watch) => watch.publicKeys))
    const waited = new Map([...awaited].filter(([key]) => publicKeys.has(key)))
    const first = new Set(due.flatMap(({ tries, publicKeys }) => (tries === 0 ? publicKeys : [])))
    const open = await tryAgain({ publicKeys, awaited: waited, first }).finally(() => {
      for (const key of publicKeys) awaited.delete(key)
    })
    for (const { role, publicKeys, tries } of due)
      add({ role, publicKeys: publicKeys.filter((key) => open.has(key)), tries: tries + 1 })
  }

  const task = startTask(async (signal) => {
    for (;;) {
      const soonestMs = Math.min(...watched.map(({ dueMs }) => dueMs), clock.monotonic() + idleMs)
      await trigger.wait(Math.max(0, soonestMs - clock.monotonic()), signal)
      if (watched.every(({ dueMs }) => dueMs > clock.monotonic())) continue
      await tryDue().catch((error: unknown) =>
        log.debug('silent peers cannot be spoken to again', { error: describeError(error) }),
      )
    }
  })

  function room(): number {
    return Math.max(0, maxWatched - watched.reduce((sum, one) => sum + one.publicKeys.length, 0))
  }

  return {
    hasRoom: (count) => count <= room(),
    watch(peers) {
      for (const [key, endpoint] of peers.awaited) awaited.set(key, endpoint)
      add({ role: 'awaited', publicKeys: [...peers.awaited.keys()], tries: 0 })
      add({ role: 'started', publicKeys: peers.started.slice(0, room()), tries: 0 })
      trigger.fire()
    },
    awaited: () => awaited,
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

const idleMs = 24 * 3_600_000
