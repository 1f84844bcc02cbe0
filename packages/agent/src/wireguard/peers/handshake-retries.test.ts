import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLog, systemClock } from '@plexd/runtime'
import { wgPeer } from '../../testing/peer.ts'
import type { WgPeer } from '../backend/wg-interface.ts'
import { handshakeRetries, newlyReachable, startHandshakeRetries } from './handshake-retries.ts'

const silent = wgPeer('db', {
  psk: 'secret',
  endpoint: '203.0.113.7:51820',
  allowed_ips: ['10.100.1.2/32'],
  tx_bytes: 148,
})

describe('handshakeRetries', () => {
  it('adds a silent peer again, sends to it, and leaves keepalive as it was', () => {
    const { endpoint, psk, allowed_ips } = silent
    assert.deepEqual(handshakeRetries(['db'], [silent]), [
      { public_key: 'db', type: 'remove' },
      { public_key: 'db', type: 'add', psk, endpoint, allowed_ips, keepalive_seconds: 25 },
      { public_key: 'db', type: 'update', keepalive_seconds: 0 },
    ])
  })

  const others: [string, Partial<WgPeer>][] = [
    ['answered', { handshake_at: 1_736_937_000 }],
    ['was never spoken to', { tx_bytes: 0 }],
    ['has no endpoint', { endpoint: '' }],
    ['is not watched', { public_key: 'web' }],
  ]
  for (const [what, peer] of others)
    it(`leaves alone a peer that ${what}`, () => {
      assert.deepEqual(handshakeRetries(['db'], [{ ...silent, ...peer }]), [])
    })
})

describe('newlyReachable', () => {
  it('names the peers that are added with an endpoint', () => {
    const keys = newlyReachable([
      { public_key: 'web', type: 'remove' },
      { public_key: 'db', type: 'add', endpoint: '203.0.113.7:51820' },
      { public_key: 'cache', type: 'add' },
      { public_key: 'proxy', type: 'update', endpoint: '203.0.113.8:51820' },
    ])
    assert.deepEqual(keys, ['db'])
  })
})

describe('startHandshakeRetries', () => {
  it('tries three times, with growing pauses, and then leaves it to WireGuard', async () => {
    const pauses: number[] = []
    const finished = Promise.withResolvers<void>()
    const clock = {
      ...systemClock,
      monotonic: () => nowMs,
      async sleep(ms: number, signal?: AbortSignal) {
        if (ms > 60_000) return systemClock.sleep(ms, signal)
        pauses.push(ms)
        nowMs += ms
      },
    }
    let nowMs = 0
    let tries = 0
    await using watch = startHandshakeRetries({
      async tryAgain(publicKeys) {
        assert.deepEqual(publicKeys, ['db'])
        tries++
        if (tries === 3) finished.resolve()
        return new Set(publicKeys)
      },
      clock,
      log: createLog('test', 'error'),
      random: () => 0.5,
    })
    watch.watch(['db'])
    await finished.promise
    assert.deepEqual(pauses, [700, 1_500, 3_000])
    assert.equal(tries, 3)
  })

  it('retries together what is due at about the same time, and skips peers that have answered', async () => {
    const asked: (readonly string[])[] = []
    const finished = Promise.withResolvers<void>()
    let nowMs = 0
    const clock = {
      ...systemClock,
      monotonic: () => nowMs,
      async sleep(ms: number, signal?: AbortSignal) {
        await systemClock.sleep(ms > 60_000 ? ms : 0, signal)
        nowMs += ms
      },
    }
    await using watch = startHandshakeRetries({
      async tryAgain(publicKeys) {
        asked.push(publicKeys)
        if (asked.length === 2) finished.resolve()
        return new Set(['db'])
      },
      clock,
      log: createLog('test', 'error'),
      random: () => 0.5,
    })
    watch.watch(['db'])
    watch.watch(['web', 'cache'])
    await finished.promise
    assert.deepEqual(asked, [['db', 'web', 'cache'], ['db']])
  })
})
