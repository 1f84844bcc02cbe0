import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aPeer, wgPeer } from '../../testing/peer.ts'
import { leavingPsks, waitingPsks, withoutNewPsks } from './held-psks.ts'

describe('withoutNewPsks', () => {
  it('holds the new PSK of a peer that is there, and lets a new peer have its own', () => {
    const [db, web] = [aPeer('n_db', 1), aPeer('n_web', 2)]
    const held = new Map<string, string>()

    const left = withoutNewPsks(
      [db, web],
      new Map([[db.public_key, wgPeer(db.public_key, { psk: 'secret' })]]),
      held,
    )

    assert.deepEqual(
      left.map(({ psk }) => psk),
      ['secret', web.psk],
    )
    assert.deepEqual([...held], [[db.public_key, db.psk]])
  })
})

describe('leavingPsks', () => {
  const promised = new Map([
    ['old', 'for our next key'],
    ['moved', 'for our next key'],
    ['gone', 'for our next key'],
    ['stays', 'for our next key'],
  ])
  const actual = ['old', 'moved', 'stays', 'new'].map((key) => wgPeer(key))
  const handover = { peer_id: 'n_db', to: 'new', allowed_ips: [], started_ms: 0 }

  it('are those of old keys that still carry their peer', () => {
    const handovers = [
      { ...handover, from: 'old' },
      { ...handover, from: 'moved', moved_ms: 1 },
      { ...handover, from: 'gone' },
      { ...handover, from: 'unknown' },
    ]
    assert.deepEqual(leavingPsks(handovers, actual, promised), [
      { public_key: 'old', type: 'update', psk: 'for our next key' },
    ])
  })
})

describe('waitingPsks', () => {
  const handover = { peer_id: 'n_db', from: 'old', to: 'new', allowed_ips: [], started_ms: 0 }
  const wanted = new Map([['new', 'wanted']])
  const held = wanted

  it('are those of the desired peers, for as long as their keys wait', () => {
    assert.deepEqual(
      [...waitingPsks(new Map(), [handover], wanted, undefined)],
      [['new', 'wanted']],
    )
    assert.deepEqual([...waitingPsks(new Map([['new', 'old']]), [], wanted, undefined)], [])
  })

  it('do not become those of our next key', () => {
    const known = new Map([['new', 'current']])
    assert.deepEqual([...waitingPsks(known, [handover], wanted, held)], [['new', 'current']])
  })

  it('are unknown after a restart while those of our next key are held, and the interface has the current one', () => {
    assert.deepEqual([...waitingPsks(new Map(), [handover], wanted, held)], [])
  })

  it('are those of our next key after a restart if the waiting key was blocked: the current one is lost', () => {
    const shut = { ...handover, shut: true }
    assert.deepEqual([...waitingPsks(new Map(), [shut], wanted, held)], [['new', 'wanted']])
  })
})
