import type { Peer } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Backend, PeerChange, WgPeer } from './backend/wg-interface.ts'
import type { DeviceStep } from './device/device.ts'
import { type DeviceRecord, emptyRecord, type KeptRecord } from './device/device-record.ts'
import { type LinuxDeviceOptions, wantedInterface } from './device-options.ts'
import { compareDevice, type Difference, isNothing, isOnSilent, stepsOf } from './difference.ts'
import type { HandoverLoop } from './handover/handover-loop.ts'
import { leavingPsks } from './handover/held-psks.ts'
import type { Handshakes } from './handshakes.ts'
import { type InterfaceCache, withChanges } from './interface/interface-cache.ts'
import { changesInterface } from './interface/interface-plan.ts'
import type { InterfaceWriter } from './interface/interface-writer.ts'
import type { Sight } from './interface/sight.ts'
import type { OwnKey } from './own-key.ts'
import { newlyReachable } from './peers/first-handshake.ts'
import { createReturningPeers } from './peers/returning-peers.ts'
import { refusalError, withoutRefused, writePeers } from './peers/write-peers.ts'

/** The parts of a device that a change of its interface involves. */
export interface DeviceParts {
  options: LinuxDeviceOptions
  key: OwnKey
  kept: KeptRecord
  remember(record: DeviceRecord): Promise<void>
  cache: InterfaceCache
  writer: InterfaceWriter
  handovers: HandoverLoop
  handshakes: Handshakes
  clock: Clock
  /** What drives the interface now; set with each change. */
  driven: { backend: Backend | undefined }
}

/** Brings the interface to these peers, and no others, while nobody else reads or writes it. */
export function createDeviceApply({
  options,
  key,
  kept,
  remember,
  cache,
  writer,
  handovers,
  handshakes,
  clock,
  driven,
}: DeviceParts): (wanted: readonly Peer[]) => Promise<readonly DeviceStep[]> {
  const returning = createReturningPeers(clock)

  function compare(peers: readonly Peer[], sight: Sight): Difference {
    const device = wantedInterface(options, key.private())
    return compareDevice({ device, peers }, sight, {
      held: key.held(),
      record: kept.current(),
      opening: handovers.psks(),
      withheld: handshakes.awaited(),
      nowMs: clock.now(),
      bootMs: clock.boot(),
    })
  }

  /** PSKs for a new key are written just before it: a handshake begun in between would fail. */
  async function write(
    backend: Backend,
    wanted: readonly Peer[],
    present: readonly WgPeer[],
    { plan, peers: { writes, record } }: Difference,
  ): Promise<readonly PeerChange[]> {
    handovers.expect(wanted, record, key.held())
    const leaving = leavingPsks(kept.current().handovers, present, key.promised())
    const first = handshakes.begin(writes, record)
    const changes = [...leaving, ...first.writes, ...plan.keepalives]
    const refusals = await writePeers(backend, changes)
    key.kept()
    handshakes.watch(first)
    if (!plan.rebuild) {
      await writer.writeKeyAndPort(
        backend,
        plan,
        withChanges(present, writes).map(({ public_key }) => public_key),
      )
    }
    await remember(withoutRefused(record, refusals))
    await writer.writeLink(backend, plan)
    if (refusals.length > 0) throw refusalError(refusals, record)
    return changes
  }

  async function writeAll(
    sight: Sight,
    wanted: readonly Peer[],
    difference: Difference,
  ): Promise<void> {
    const { plan } = difference
    if (plan.rebuild || sight.state !== 'wireguard') {
      await kept.replace(emptyRecord)
      const hadOne = driven.backend !== undefined
      driven.backend = await writer.rebuild(sight, plan)
      const changes = await write(driven.backend, wanted, [], difference)
      if (hadOne) await writer.speak(driven.backend, newlyReachable(changes))
    } else {
      const { peers } = kept.current()
      const actual = new Set(sight.wg.peers.map(({ public_key }) => public_key))
      const changes = await write(sight.backend, wanted, sight.wg.peers, difference)
      const isMissed = (key: string): boolean => key in peers && !actual.has(key)
      await writer.speak(sight.backend, returning.follow(changes, isMissed))
      if (!changesInterface(plan)) cache.putBack(sight, changes)
    }
  }

  return async (wanted) => {
    const seen = await cache.recent()
    const first = compare(wanted, seen)
    if (seen.state === 'wireguard' && !first.plan.rebuild) driven.backend = seen.backend
    if (isNothing(first)) {
      const { record } = first.peers
      if (record !== kept.current()) await remember(record)
      return []
    }
    const sight = await cache.take(({ wg }) => isOnSilent(first, wg.peers))
    const difference = sight === seen ? first : compare(wanted, sight)
    await writeAll(sight, wanted, difference)
    return stepsOf(difference)
  }
}
