import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Peer } from '@plexd/protocol'
import fc from 'fast-check'
import type { DataEntry } from '../state/data-entry.ts'
import { type DesiredState, emptyDesiredState } from '../state/desired-state.ts'
import { aPeer } from '../testing/peer.ts'
import { fold, type StateEvent } from './fold.ts'

const db = aPeer('n_db', 1)
const web = aPeer('n_web', 2)
const key = Buffer.alloc(32, 9).toString('base64')

describe('fold', () => {
  it('adds a peer, and replaces one that is there', () => {
    const one = fold(emptyDesiredState, added(db))
    assert.deepEqual(one?.peers, [db])

    const moved = { ...db, endpoint: '198.51.100.1:51820' }
    assert.deepEqual(fold(aState({ peers: [db, web] }), added(moved))?.peers, [moved, web])
  })

  it("drops what an event has beside a peer, also what is called like an object's own", () => {
    const beside = JSON.parse('{"peer_id":"n_db","toString":"x","constructor":"y","__proto__":{}}')
    const [peer = {}] = fold(emptyDesiredState, added({ ...db, ...beside }))?.peers ?? []
    assert.deepEqual(Object.keys(peer).toSorted(), Object.keys(db).toSorted())
  })

  it('removes a peer, known or not', () => {
    const state = aState({ peers: [db, web] })
    assert.deepEqual(fold(state, removed('n_db'))?.peers, [web])
    assert.deepEqual(fold(state, removed('n_gone'))?.peers, [db, web])
  })

  it('keeps the PSK when an endpoint changes', () => {
    const { psk, ...publicPart } = { ...db, endpoint: '198.51.100.1:51820' }
    const payload = { ...publicPart, peer_id: 'n_db' }

    const folded = fold(aState({ peers: [db] }), { type: 'peer_endpoint_changed', payload })

    assert.deepEqual(folded?.peers, [{ ...db, endpoint: '198.51.100.1:51820' }])
  })

  it("takes the seed's endpoint event, which is an id and an endpoint", () => {
    const payload = { id: 'n_db', peer_id: 'n_db', endpoint: '198.51.100.1:51820' }
    const folded = fold(aState({ peers: [db] }), { type: 'peer_endpoint_changed', payload })
    assert.deepEqual(folded?.peers, [{ ...db, endpoint: '198.51.100.1:51820' }])
  })

  it('cannot fold an event about an unknown peer, or with a new key or PSK alone', () => {
    const moved = { id: 'n_db', peer_id: 'n_db', endpoint: '198.51.100.1:51820' }
    const rekeyed = { id: 'n_db', peer_id: 'n_db', public_key: key }

    assert.equal(
      fold(emptyDesiredState, { type: 'peer_endpoint_changed', payload: moved }),
      undefined,
    )
    assert.equal(fold(emptyDesiredState, { type: 'peer_key_rotated', payload: rekeyed }), undefined)
    // The PSK belongs to the key: one of them alone is a rotation that was missed.
    assert.equal(
      fold(aState({ peers: [db] }), {
        type: 'peer_endpoint_changed',
        payload: { ...moved, public_key: key },
      }),
      undefined,
    )
    assert.equal(
      fold(emptyDesiredState, { type: 'node_state_updated', payload: { metadata: {} } }),
      undefined,
    )
  })

  it('rotates a known peer from a key and a PSK alone', () => {
    const payload = { id: 'n_db', peer_id: 'n_db', public_key: key, psk: key }
    const folded = fold(aState({ peers: [db] }), { type: 'peer_key_rotated', payload })
    assert.deepEqual(folded?.peers, [{ ...db, public_key: key, psk: key }])
  })

  it('takes null metadata for none, as Go writes it', () => {
    const state = aState({ metadata: { a: 'b' }, data: [anEntry('k', 1)] })
    const folded = fold(state, {
      type: 'node_state_updated',
      payload: { metadata: null, data: [] },
    })
    assert.deepEqual([folded?.metadata, folded?.data], [{}, []])
  })

  it('keeps only the fields of an event that belong to the state', () => {
    const payload = { ...db, peer_id: 'n_db', surprise: true }
    assert.deepEqual(fold(emptyDesiredState, { type: 'peer_added', payload })?.peers, [db])
  })

  it('has the same result as replacing the state', () => {
    fc.assert(
      fc.property(fc.array(stateArbitrary, { minLength: 1, maxLength: 8 }), (states) => {
        let folded: DesiredState = emptyDesiredState
        for (const next of states) {
          for (const event of eventsBetween(folded, next)) {
            folded = fold(folded, event) ?? assert.fail(`cannot fold ${event.type}`)
            assert.deepEqual(fold(folded, event), folded, 'folding twice')
          }
        }
        assert.deepEqual(sorted(folded), sorted(states.at(-1) ?? emptyDesiredState))
      }),
    )
  })
})

/** What a control plane sends when the desired state of a node changes. */
function* eventsBetween(from: DesiredState, to: DesiredState): Iterable<StateEvent> {
  const before = new Map(from.peers.map((peer) => [peer.id, peer]))
  const after = new Map(to.peers.map((peer) => [peer.id, peer]))
  for (const id of before.keys()) if (!after.has(id)) yield removed(id)
  for (const peer of after.values()) {
    const old = before.get(peer.id)
    const { psk, ...publicPart } = peer
    const payload = { ...publicPart, peer_id: peer.id }
    if (!old) yield added(peer)
    else if (old.public_key !== peer.public_key || old.psk !== peer.psk) {
      yield { type: 'peer_key_rotated', payload: { ...payload, psk } }
    } else if (!isDeepStrictEqual(old, peer)) yield { type: 'peer_endpoint_changed', payload }
  }
  const { policies, metadata, data, secret_refs, signing_keys } = to
  yield { type: 'policy_updated', payload: { policies: [...policies] } }
  yield { type: 'node_state_updated', payload: { metadata, data: [...data] } }
  yield { type: 'node_secrets_updated', payload: { secret_refs: [...secret_refs] } }
  if (signing_keys) yield { type: 'signing_key_rotated', payload: signing_keys }
}

/** Objects as JSON.parse makes them. */
const plain = { noNullPrototype: true }

const keyArbitrary = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64'))

const peerArbitrary: fc.Arbitrary<Peer> = fc.record(
  {
    id: fc.constantFrom('n_a', 'n_b', 'n_c', 'n_d'),
    public_key: keyArbitrary,
    mesh_ip: fc.constantFrom('10.100.0.1', '10.100.0.2'),
    endpoint: fc.constantFrom('', '198.51.100.1:1', '198.51.100.2:2'),
    allowed_ips: fc.constantFrom([], ['10.100.0.1/32'], ['10.100.0.1/32', '10.0.0.0/8']),
    psk: keyArbitrary,
    hostname: fc.constantFrom('web-01', 'db-01'),
  },
  plain,
)

const stateArbitrary: fc.Arbitrary<DesiredState> = fc.record(
  {
    peers: fc.uniqueArray(peerArbitrary, { selector: ({ id }) => id }),
    policies: fc.constantFrom([], [{ id: 'pol_a', rules: [] }]),
    signing_keys: keyArbitrary.map((current) => ({ current })),
    // Of the node itself only a pull tells.
    hostname: fc.constant(''),
    mesh_ranges: fc.constant([]),
    metadata: fc.dictionary(fc.string(), fc.string(), plain),
    data: fc.constantFrom([], [anEntry('a', 1)], [anEntry('a', 2), anEntry('b', 1)]),
    secret_refs: fc.constantFrom([], [{ key: 's', version: 1 }]),
    left_out: fc.constant([]),
    revision: fc.constant(''),
  },
  plain,
)

function sorted(state: DesiredState): DesiredState {
  return { ...state, peers: state.peers.toSorted((a, b) => (a.id < b.id ? -1 : 1)) }
}

function aState(parts: Partial<DesiredState>): DesiredState {
  return { ...emptyDesiredState, ...parts }
}

function anEntry(name: string, version: number): DataEntry {
  const updated_at = '2025-01-15T10:30:00Z'
  return { key: name, content_type: 'text/plain', payload: `"v${version}"`, version, updated_at }
}

function added(peer: Peer): StateEvent {
  return { type: 'peer_added', payload: { ...peer, peer_id: peer.id } }
}

function removed(id: string): StateEvent {
  return { type: 'peer_removed', payload: { id, peer_id: id } }
}
