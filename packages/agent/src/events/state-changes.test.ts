import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Peer } from '@plexd/protocol'
import type { DesiredState } from '../state/desired-state.ts'
import { holdDesired } from '../testing/desired.ts'
import { aPeer } from '../testing/peer.ts'
import type { StateEvent } from './fold.ts'
import { createStateChanges } from './state-changes.ts'

const metadata: StateEvent = {
  type: 'node_state_updated',
  payload: { metadata: { env: 'prod' }, data: [] },
}
const unknownPeer: StateEvent = {
  type: 'peer_endpoint_changed',
  payload: { id: 'n_gone', peer_id: 'n_gone', endpoint: '198.51.100.1:1' },
}

const peer: Peer = { ...aPeer('n_db'), status: 'online' }
const policy = { id: 'pol_1', rules: [] }

function moved(to: Partial<Peer>): StateEvent {
  return { type: 'peer_endpoint_changed', payload: { ...peer, peer_id: peer.id, ...to } }
}

describe('state changes', () => {
  it('move the revision along with the events', async () => {
    const { changes, desired } = setUp({ revision: '1-5' })

    await changes.foldState(metadata, '1-7')

    assert.deepEqual(desired.current().metadata, { env: 'prod' })
    assert.equal(desired.current().revision, '1-7')
  })

  it('ignore an event that the pulled state already includes', async () => {
    const { changes, desired } = setUp({ revision: '1-9', metadata: { env: 'test' } })

    await changes.foldState(metadata, '1-7')

    assert.deepEqual(desired.current().metadata, { env: 'test' })
    assert.equal(desired.current().revision, '1-9')
  })

  it('empty the revision and ask for a pull when an event cannot be folded', async () => {
    const { changes, desired, calls } = setUp({ revision: '1-5' })

    await changes.foldState(unknownPeer, '1-6')
    await changes.foldState(metadata, '1-7')

    assert.deepEqual(calls, ['gap'])
    assert.equal(desired.current().revision, '')
  })

  it('notify of changes to the interface and the filter only', async () => {
    const { changes, desired, calls } = setUp({ peers: [peer], revision: '1-5' })

    await changes.foldState(metadata, '1-6')
    await changes.foldState(moved({ status: 'unreachable', hostname: 'db-02' }), '1-7')
    const [{ status, hostname } = peer] = desired.current().peers
    assert.deepEqual([status, hostname], ['unreachable', 'db-02'])
    assert.deepEqual(calls, [])

    await changes.foldState(moved({ endpoint: '198.51.100.1:1' }), '1-8')
    assert.deepEqual(calls, ['mesh'])
    await changes.foldState({ type: 'policy_updated', payload: { policies: [policy] } }, '1-9')
    assert.deepEqual(calls, ['mesh', 'mesh'])
    await changes.foldState(
      { type: 'peer_removed', payload: { id: peer.id, peer_id: peer.id } },
      '1-10',
    )
    assert.deepEqual(calls, ['mesh', 'mesh', 'mesh'])
  })

  it('report a pull that is older than the events applied since', async () => {
    const { changes } = setUp({ revision: '1-5' })
    using watch = changes.watch()

    assert.equal(watch.isOvertaken('1-5'), false)
    await changes.foldState(metadata, '1-6')

    assert.equal(watch.isOvertaken('1-5'), true)
    assert.equal(watch.isOvertaken('1-6'), false)
    assert.equal(changes.watch().isOvertaken('1-5'), false)
  })
})

function setUp(start: Partial<DesiredState>) {
  const calls: string[] = []
  const desired = holdDesired(start)
  const changes = createStateChanges({
    desired,
    onMeshChange: () => calls.push('mesh'),
    onGap: () => calls.push('gap'),
  })
  return { changes, desired, calls }
}
