import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PeerChange } from '../backend/wg-interface.ts'
import { createReturningPeers } from './returning-peers.ts'

const endpoint = '203.0.113.7:51820'
const added: PeerChange = { public_key: 'db', type: 'add', endpoint }
const removed: PeerChange = { public_key: 'db', type: 'remove' }
const no = (): boolean => false

describe('returning peers', () => {
  it('are those that were removed before', () => {
    const { follow } = createReturningPeers({ monotonic: () => 0 })
    assert.deepEqual(follow([added], no), [])
    assert.deepEqual(follow([removed], no), [])
    assert.deepEqual(follow([{ ...added, public_key: 'web' }, added], no), ['db'])
    assert.deepEqual(follow([added], no), [])
  })

  it('are those that somebody else has removed', () => {
    const { follow } = createReturningPeers({ monotonic: () => 0 })
    const both = [added, { ...added, public_key: 'web' }]
    assert.deepEqual(
      follow(both, (key) => key === 'db'),
      ['db'],
    )
  })

  it('do not include peers without an endpoint, or those removed and added in one step', () => {
    const { follow } = createReturningPeers({ monotonic: () => 0 })
    assert.deepEqual(follow([removed, added], no), [])
    assert.deepEqual(follow([removed], no), [])
    assert.deepEqual(follow([{ public_key: 'db', type: 'add' }], no), [])
  })

  it('do not include a peer that was away for an hour', () => {
    let nowMs = 0
    const { follow } = createReturningPeers({ monotonic: () => nowMs })
    follow([removed], no)
    nowMs = 3_600_000
    assert.deepEqual(follow([added], no), [])
  })
})
