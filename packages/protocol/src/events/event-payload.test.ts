import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseEventPayload } from './event-payload.ts'
import { eventTypes } from './events.ts'

const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64')

/** The peer of the control API document, with real keys. */
const peer = {
  id: 'n_peer456',
  public_key: key(1),
  mesh_ip: '10.100.1.2',
  endpoint: '203.0.113.10:51820',
  allowed_ips: ['10.100.1.2/32'],
  psk: key(2),
}

describe('parseEventPayload', () => {
  it('takes what our control plane sends', () => {
    const payload = { ...peer, peer_id: peer.id }

    assert.deepEqual(parseEventPayload('peer_added', payload), payload)
  })

  it('gives a peer of the Go shape the id that the seed names, and back', () => {
    assert.equal(parseEventPayload('peer_added', peer).peer_id, 'n_peer456')
    assert.equal(parseEventPayload('peer_removed', { peer_id: 'n_db' }).id, 'n_db')
    assert.equal(parseEventPayload('peer_removed', { id: 'n_db' }).peer_id, 'n_db')
  })

  it('takes a rotated key and a changed endpoint as the seed has them, without the rest of the peer', () => {
    const rotated = { peer_id: 'n_db', public_key: key(3), psk: key(4) }
    const moved = { peer_id: 'n_db', endpoint: '198.51.100.5:51820' }

    assert.deepEqual(parseEventPayload('peer_key_rotated', rotated), { ...rotated, id: 'n_db' })
    assert.deepEqual(parseEventPayload('peer_endpoint_changed', moved), { ...moved, id: 'n_db' })
  })

  it('reads the new signing key under the name of the seed, and under that of Go', () => {
    const seed = {
      new_signing_public_key: key(5),
      valid_from: '2025-01-16T10:30:00Z',
      transition_period: '24h',
    }
    const go = {
      current: key(5),
      previous: key(6),
      transition_expires: '2025-01-16T10:30:00.123456789+02:00',
    }

    assert.equal(parseEventPayload('signing_key_rotated', seed).current, key(5))
    assert.deepEqual(parseEventPayload('signing_key_rotated', go), go)
  })

  it('believes `current` when both names are there', () => {
    const union = { current: key(5), new_signing_public_key: key(6) }

    assert.equal(parseEventPayload('signing_key_rotated', union).current, key(5))
  })

  it('refuses a signing key that is none, rather than lose the right one', () => {
    for (const current of ['', 'AAAA', `${key(1)}x`, key(1).replace('=', ''), null]) {
      assert.throws(() => parseEventPayload('signing_key_rotated', { current }), {
        name: 'TypeError',
        message: /^parse payload of "signing_key_rotated": current: want /,
      })
    }
  })

  it('takes null for an empty list, as Go writes it', () => {
    assert.deepEqual(parseEventPayload('policy_updated', { policies: null }), { policies: null })
    assert.deepEqual(parseEventPayload('node_secrets_updated', { secret_refs: null }), {
      secret_refs: null,
    })
    assert.deepEqual(parseEventPayload('node_state_updated', { metadata: null, data: null }), {
      metadata: null,
      data: null,
    })
  })

  it('keeps fields that it does not know', () => {
    assert.deepEqual(parseEventPayload('rotate_keys', { reason: 'age', later: 1 }), {
      reason: 'age',
      later: 1,
    })
  })

  it('does not change what it was given', () => {
    const received = Object.freeze({ peer_id: 'n_db' })

    parseEventPayload('peer_removed', received)

    assert.deepEqual(received, { peer_id: 'n_db' })
  })

  it('refuses what is no object, for every type of event', () => {
    for (const type of eventTypes) {
      for (const payload of [null, undefined, 'text', 7, [], [{}]]) {
        assert.throws(() => parseEventPayload(type, payload), TypeError, `${type} ${payload}`)
      }
    }
  })

  const misfits: [title: string, run: () => unknown, message: RegExp][] = [
    ['a peer without an id', () => parseEventPayload('peer_removed', {}), /peer_removed"/],
    [
      'a mesh IP that is none',
      () => parseEventPayload('peer_added', { ...peer, mesh_ip: '10.100.1.2/32' }),
      /: mesh_ip: want an IPv4/,
    ],
    [
      'an action without a name',
      () => parseEventPayload('action_request', { execution_id: 'exec_1' }),
      /action/,
    ],
    [
      'a port outside the range',
      () => parseEventPayload('ssh_session_setup', { target_port: 70_000 }),
      /: target_port: want 65535 or less/,
    ],
  ]
  for (const [title, run, message] of misfits) {
    it(`names what does not fit: ${title}`, () =>
      assert.throws(run, { name: 'TypeError', message }))
  }
})
