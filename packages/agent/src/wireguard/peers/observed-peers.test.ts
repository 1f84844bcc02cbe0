import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wgPeer } from '../../testing/peer.ts'
import type { WgPeer } from '../backend/wg-interface.ts'
import { type DeviceRecord, emptyRecord } from '../device/device-record.ts'
import { observedPeers } from './observed-peers.ts'

/** With a PSK, and an endpoint to which it has roamed. */
function has(public_key: string, changes: Partial<WgPeer> = {}): WgPeer {
  return wgPeer(public_key, {
    psk: 'secret',
    endpoint: '198.51.100.9:4711',
    allowed_ips: ['10.100.1.2/32'],
    ...changes,
  })
}

const record: DeviceRecord = {
  ...emptyRecord,
  peers: { db: { id: 'n_db', endpoint: '203.0.113.7:51820' } },
}

describe('observedPeers', () => {
  it('shows the endpoint that was written, not where the peer has roamed to', () => {
    assert.deepEqual(observedPeers([has('db')], record, undefined), [
      {
        id: 'n_db',
        public_key: 'db',
        endpoint: '203.0.113.7:51820',
        allowed_ips: ['10.100.1.2/32'],
        psk: 'secret',
      },
    ])
  })

  it('shows that an endpoint is lost, and a peer that somebody else has added', () => {
    const [lost, strange] = observedPeers(
      [has('db', { endpoint: '' }), has('strange')],
      record,
      undefined,
    )

    assert.equal(lost?.endpoint, '')
    assert.partialDeepStrictEqual(strange, { id: '', endpoint: '198.51.100.9:4711' })
  })

  it('shows a handover as if it were complete', () => {
    const handover = { peer_id: 'n_db', from: 'db', to: 'new', started_ms: 0 }
    const during = { ...record, handovers: [{ ...handover, allowed_ips: ['10.100.1.2/32'] }] }

    const peers = observedPeers([has('db'), has('new', { allowed_ips: [] })], during, undefined)

    assert.deepEqual(
      peers.map(({ public_key, allowed_ips }) => [public_key, allowed_ips]),
      [['new', ['10.100.1.2/32']]],
    )
  })

  it('shows a PSK that is held back as if it were written', () => {
    const [peer] = observedPeers([has('db')], record, new Map([['db', 'next']]))

    assert.equal(peer?.psk, 'next')
  })
})
