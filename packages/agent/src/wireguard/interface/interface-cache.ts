import type { Clock } from '@plexd/runtime'
import { newPeer, type PeerChange, type WgPeer } from '../backend/wg-interface.ts'
import type { InterfaceDriver } from './interface-driver.ts'
import type { Sight, WireguardSight } from './sight.ts'

/**
 * What was seen of the interface last. With a thousand peers a look costs more than a change, so where somebody would
 * tell of changes by others, what was seen, with our own changes since, does for half a minute.
 */
export interface InterfaceCache {
  /** The last observation if it is still valid, else a new one. */
  recent(): Promise<Sight>
  /**
   * Like `recent`, but the cache is emptied until `putBack`, because writes may fail halfway. A cached observation misses
   * handshakes: if one would matter (`isDoubtful`), peers are read again unless that was just done.
   */
  take(isDoubtful: (sight: WireguardSight) => boolean): Promise<Sight>
  /** After a `take`, if only these changes were made. */
  putBack(sight: WireguardSight, changes: readonly PeerChange[]): void
  forget(): void
  /** Until disposed, the interface is watched, and `forget` is called at changes. */
  trust(): Disposable
}

/** Less than the usual interval of reconciliations, so that each observes the interface. */
const trustedMs = 30_000
/** Re-adding a peer whose session is younger costs one more handshake. */
const freshMs = 1_000

export function createInterfaceCache(driver: InterfaceDriver, clock: Clock): InterfaceCache {
  let sight: Sight | undefined
  let seenMs = 0
  let readMs = 0
  let watchers = 0

  async function look(): Promise<Sight> {
    seenMs = readMs = clock.monotonic()
    const lookEnds = driver.lookStarts()
    sight = await driver.look()
    lookEnds()
    return sight
  }

  function holds(): boolean {
    if (sight?.state !== 'wireguard' || watchers === 0) return false
    return clock.monotonic() - seenMs < trustedMs && driver.isDisturbed(sight.backend) === false
  }

  return {
    recent: async () => (sight && holds() ? sight : look()),
    async take(isDoubtful) {
      const taken = sight ?? (await look())
      sight = undefined
      if (taken.state !== 'wireguard' || clock.monotonic() - readMs < freshMs || !isDoubtful(taken))
        return taken
      readMs = clock.monotonic()
      return { ...taken, wg: await taken.backend.read() }
    },
    putBack(taken, changes) {
      const { wg } = taken
      sight = { ...taken, wg: { ...wg, peers: withChanges(wg.peers, changes) } }
    },
    forget() {
      sight = undefined
    },
    trust() {
      watchers++
      return {
        [Symbol.dispose]() {
          watchers--
        },
      }
    },
  }
}

/** The peers after these changes. Pure. */
export function withChanges(
  peers: readonly WgPeer[],
  changes: readonly PeerChange[],
): readonly WgPeer[] {
  if (changes.length === 0) return peers
  const byKey = new Map(peers.map((peer) => [peer.public_key, peer]))
  for (const { type, ...change } of changes) {
    const { public_key } = change
    const peer = byKey.get(public_key) ?? (type === 'add' ? newPeer(public_key) : undefined)
    if (type === 'remove' || !peer) byKey.delete(public_key)
    else byKey.set(public_key, { ...peer, ...change })
  }
  return [...byKey.values()]
}
