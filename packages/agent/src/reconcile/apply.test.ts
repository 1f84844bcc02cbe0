import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Peer } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { createProblems } from '../health/problems.ts'
import type { PlaceVerdict } from '../routing/mesh-range.ts'
import { type DesiredState, emptyDesiredState } from '../state/desired-state.ts'
import { createFakeDevice } from '../testing/fake-device.ts'
import { aPeer, wgPeer } from '../testing/peer.ts'
import { createAbsentDevice } from '../wireguard/device/absent-device.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'
import { createApplier } from './apply.ts'

const db = aPeer('n_db', 1)
const web = aPeer('n_web', 2)

describe('createApplier', () => {
  it('brings the interface to the desired peers, and then does nothing', async () => {
    const { applier, device } = setUp([db, web])

    assert.equal((await applier.apply()).length, 2)
    assert.deepEqual(device.peerIds(), ['n_db', 'n_web'])
    assert.deepEqual(await applier.apply(), [])
  })

  it('puts right what somebody else changed', async () => {
    const { applier, device } = setUp([db])
    await applier.apply()
    device.tamper((peers) => peers.clear())
    device.tamper((peers) => peers.set(web.public_key, wgPeer(web.public_key)))

    const steps = await applier.apply()

    assert.deepEqual(
      steps.map(({ type }) => type),
      ['peer_removed', 'peer_added'],
    )
    assert.deepEqual(device.peerIds(), ['n_db'])
  })

  it('tells a problem while the interface refuses, and recovers', async () => {
    const { applier, device, problems } = setUp([db])
    device.breakWith(new Error('no such device'))
    await assert.rejects(applier.apply(), /apply the mesh/)
    assert.match(problems.list().join(), /no such device/)

    device.breakWith(undefined)
    await applier.apply()
    assert.deepEqual(problems.list(), [])
    assert.deepEqual(device.peerIds(), ['n_db'])
  })

  it('changes nothing while the desired state is unknown', async () => {
    const { applier, device, problems, lose } = setUp([db, web])
    await applier.apply()
    lose(true)
    assert.deepEqual(await applier.apply(), [])
    assert.deepEqual(device.peerIds(), ['n_db', 'n_web'])
    assert.match(problems.list().join(), /the mesh on disk is damaged: tunnels and rules stay/)

    lose(false)
    assert.equal((await applier.apply()).length, 2)
    assert.deepEqual(device.peerIds(), [])
    assert.deepEqual(problems.list(), [])
  })

  it('changes nothing while the mesh is refused', async () => {
    const { applier, device, problems, judged } = setUp([db])
    judged.is = { ranges: [], refusal: 'its range overlaps the LAN', warnings: [] }
    assert.deepEqual(await applier.apply(), [])
    assert.deepEqual(device.peerIds(), [])
    assert.deepEqual(problems.list(), ['its range overlaps the LAN'])

    judged.is = fine
    await applier.apply()
    assert.deepEqual(device.peerIds(), ['n_db'])
    assert.deepEqual(problems.list(), [])

    judged.is = { ranges: [], refusal: 'its range overlaps the LAN', warnings: [] }
    device.tamper((peers) => peers.clear())
    assert.deepEqual(await applier.apply({ look: true }), [])
    assert.deepEqual(device.peerIds(), [])

    judged.is = { ...fine, warnings: ['its range overlaps the LAN'] }
    await applier.apply()
    assert.deepEqual(device.peerIds(), ['n_db'])
    assert.deepEqual(problems.list(), ['its range overlaps the LAN'])
  })

  it('reports a wrong route until it is corrected', async () => {
    const { applier, problems, judged } = setUp([db])
    judged.wrong = ['packets for n_db leave by eth0', 'those for n_web too']
    await applier.apply()
    assert.deepEqual(problems.list(), ['packets for n_db leave by eth0, and 1 more'])

    judged.wrong = []
    await applier.apply()
    assert.deepEqual(problems.list(), [])
  })

  it('applies an event without anybody waiting', async () => {
    const { applier, device } = setUp([db])
    applier.applySoon()
    applier.applySoon()
    await until('the peer', () => device.peerIds().length === 1)
  })

  it('asks for another try when an event cannot be applied', async () => {
    const { applier, device, asked } = setUp([db])
    device.breakWith(new Error('no such device'))
    applier.applySoon()
    await asked.promise
    assert.deepEqual(device.peerIds(), [])
  })

  it('has nothing to do without a mesh, whatever peers there are, and tells which cannot be used', async () => {
    const device = createAbsentDevice('plexd0', 'switched off')
    const { applier, problems } = setUp([{ ...web, public_key: 'none' }], device)
    assert.deepEqual(await applier.apply({ look: true }), [])
    assert.match(problems.of('peers'), /^the control plane sent what cannot be used: /)
    assert.equal(problems.of('wireguard'), '')
  })

  it('counts a repair once, whoever asked for it, and reports it at the next turn', async () => {
    const { applier, judged, repairs } = setUp([])
    judged.repaired = ['the route was gone', 'the rule was gone']
    applier.applySoon()
    await until('it is counted', () => repairs.length === 1)
    judged.repaired = []

    const told = await applier.apply()

    assert.deepEqual(
      told.map((step) => step.type),
      ['interface_repaired', 'interface_repaired'],
    )
    assert.deepEqual(repairs, ['the route was gone'])
  })
})

const fine: PlaceVerdict = { ranges: ['10.100.0.0/16'], warnings: [] }

function setUp(peers: Peer[], absent?: WireguardDevice) {
  let state: DesiredState = { ...emptyDesiredState, peers }
  let isLost = false
  const device = createFakeDevice()
  const problems = createProblems()
  const desired = { current: () => state, isMeshLost: () => isLost }
  const judged: { is: PlaceVerdict; wrong: string[]; repaired: string[] } = {
    is: fine,
    wrong: [],
    repaired: [],
  }
  const repairs: string[] = []
  const routing = {
    prepare: async () => ({ verdict: judged.is, isFresh: true, repaired: judged.repaired }),
    check: async () => judged.wrong,
    astray: () => new Map(),
    ranges: () => judged.is.ranges,
    exceptions: () => [],
    forget() {},
    remove: async () => {},
  }
  const asked = Promise.withResolvers<void>()
  const applier = createApplier({
    onFailure: () => asked.resolve(),
    onRepair: (detail) => void repairs.push(detail),
    device: absent ?? device,
    desired,
    routing,
    problems,
    log: silentLog,
  })
  /** The peers are gone from the state as well. */
  function lose(now: boolean): void {
    isLost = now
    state = emptyDesiredState
  }
  return { device, problems, applier, asked, lose, judged, repairs }
}
