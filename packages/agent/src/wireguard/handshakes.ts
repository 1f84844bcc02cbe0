import type { Clock, Log } from '@plexd/runtime'
import type { Backend, PeerChange } from './backend/wg-interface.ts'
import type { DeviceRecord } from './device/device-record.ts'
import { type FirstHandshakes, firstHandshakes, newlyReachable } from './peers/first-handshake.ts'
import { handshakeRetries, type NewPeers } from './peers/handshake-retries.ts'
import { type HandshakeWatch, startHandshakeWatch } from './peers/handshake-watch.ts'
import { addedSpeaking } from './peers/keepalive.ts'

/** Handshakes with the peers of the interface: which side starts one, and what follows if nothing is heard. */
export interface Handshakes extends Pick<HandshakeWatch, 'watch' | 'awaited'>, AsyncDisposable {
  /** Decides who starts the handshakes that these writes lead to; `watch` them once they are written. */
  begin(writes: readonly PeerChange[], record: DeviceRecord): FirstHandshakes
  /** Starts one with every peer that can be reached, at once. */
  startAll(): Promise<void>
}

export function startHandshakes(deps: {
  publicKey(): string
  backend(): Backend | undefined
  keepaliveSeconds(): number
  record(): DeviceRecord
  /** Called before the interface changes. */
  onWrite(): void
  /** Runs the task while nobody else reads or writes the interface. */
  exclusive<T>(task: () => Promise<T>): Promise<T>
  clock: Clock
  log: Log
}): Handshakes {
  const { exclusive, clock, log } = deps

  /** They wait for a new key, and are spoken to when they have it. */
  function rotating(): Set<string> {
    return new Set(deps.record().handovers.map(({ to }) => to))
  }

  async function write(backend: Backend, peers: readonly PeerChange[]): Promise<void> {
    deps.onWrite()
    await backend.write({ peers })
  }

  /** Resolves to the peers that have not answered yet, except those that wait for a new key. */
  async function tryAgain({ publicKeys, ...watched }: NewPeers): Promise<ReadonlySet<string>> {
    const backend = deps.backend()
    if (!backend) return new Set()
    const due = { publicKeys: publicKeys.difference(rotating()), ...watched }
    const { peers } = await backend.read()
    const { changes, unanswered } = handshakeRetries(due, peers, deps.keepaliveSeconds())
    if (changes.length > 0) await write(backend, changes)
    return unanswered
  }

  const watch = startHandshakeWatch({
    tryAgain: (due) => exclusive(() => tryAgain(due)),
    clock,
    log,
  })

  return {
    awaited: watch.awaited,
    watch: watch.watch,
    begin(writes, { handovers }) {
      const first = firstHandshakes(writes, deps.publicKey(), handovers)
      if (watch.hasRoom(first.awaited.size)) return first
      // Those that cannot be watched are not waited for either.
      return { writes, started: newlyReachable(writes), awaited: new Map() }
    },
    startAll: () =>
      exclusive(async () => {
        const backend = deps.backend()
        if (!backend) return
        const { peers } = await backend.read()
        const waiting = rotating()
        const reachable = peers.filter(
          ({ public_key, endpoint }) => endpoint !== '' && !waiting.has(public_key),
        )
        const keepalive_seconds = deps.keepaliveSeconds()
        const speaking = reachable.map((peer) => ({ ...peer, keepalive_seconds }))
        await write(backend, addedSpeaking(speaking))
        const started = reachable.map(({ public_key }) => public_key)
        watch.watch({ started, awaited: new Map() })
      }),
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  }
}
