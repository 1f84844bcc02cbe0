import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Peer } from '@plexd/protocol'
import type { DataEntry } from '../state/data-entry.ts'
import { emptyDesiredState } from '../state/desired-state.ts'
import { aPeer } from '../testing/peer.ts'
import type { ObservedPeer } from '../wireguard/device/device.ts'
import { type Observed, planContent, planPeers } from './plan.ts'

const db = aPeer('n_db', 1)
const web = aPeer('n_web', 2)

describe('planPeers', () => {
  it('removes a stale peer before it adds a new one', () => {
    assert.deepEqual(planPeers([db], [observed(web)]), [
      { type: 'peer_removed', peer_id: 'n_web', public_key: web.public_key },
      { type: 'peer_added', peer: db },
    ])
  })

  it('does nothing when all is as it should be', () => {
    assert.deepEqual(planPeers([db, web], [observed(web), observed(db)]), [])
  })

  it('does not mind the order of allowed IPs', () => {
    const both = { ...db, allowed_ips: ['10.0.0.0/8', '10.100.1.1/32'] }
    assert.deepEqual(
      planPeers([both], [observed({ ...both, allowed_ips: both.allowed_ips.toReversed() })]),
      [],
    )
  })

  for (const [field, value] of [
    ['endpoint', '198.51.100.9:1'],
    ['psk', ''],
    ['allowed_ips', []],
  ] as const) {
    it(`updates a peer whose ${field} differs`, () => {
      assert.deepEqual(planPeers([db], [observed({ ...db, [field]: value })]), [
        { type: 'peer_updated', peer: db },
      ])
    })
  }

  it('removes and adds a peer that changed its key', () => {
    const rekeyed = { ...db, public_key: web.public_key }
    assert.deepEqual(
      planPeers([rekeyed], [observed(db)]).map(({ type }) => type),
      ['peer_removed', 'peer_added'],
    )
  })

  it('removes what somebody else added', () => {
    const stranger: ObservedPeer = { ...observed(web), id: '' }
    assert.deepEqual(planPeers([], [stranger]), [
      { type: 'peer_removed', peer_id: '', public_key: web.public_key },
    ])
  })
})

describe('planContent', () => {
  it('names each part that differs', () => {
    const desired = {
      ...emptyDesiredState,
      signing_keys: { current: db.public_key },
      metadata: { env: 'prod' },
      data: [anEntry('a', 2)],
      secret_refs: [{ key: 's', version: 1 }],
    }
    assert.deepEqual(planContent(desired, nothing()), [
      { type: 'signing_keys_updated' },
      { type: 'metadata_updated' },
      { type: 'data_updated' },
      { type: 'secret_refs_updated' },
    ])
  })

  it('sees a payload that changed at the same version, and no change of order', () => {
    const before = { ...nothing(), data: [anEntry('a', 1), anEntry('b', 1)] }
    const reordered = { ...emptyDesiredState, data: [anEntry('b', 1), anEntry('a', 1)] }
    assert.deepEqual(planContent(reordered, before), [])
    const changed = {
      ...reordered,
      data: [anEntry('a', 1), { ...anEntry('b', 1), payload: '"other"' }],
    }
    assert.deepEqual(planContent(changed, before), [{ type: 'data_updated' }])
  })

  it('takes a missing previous key for none', () => {
    const keys = { current: web.public_key }
    const desired = { ...emptyDesiredState, signing_keys: { ...keys, previous: null } }
    assert.deepEqual(planContent(desired, { ...nothing(), signing_keys: keys }), [])
  })

  it('replaces a policy whose rules changed, removals first', () => {
    const rule = {
      src: '10.0.0.0/8',
      dst: '10.0.0.1/32',
      port: 0,
      protocol: '',
      action: 'allow',
    } as const
    const desired = {
      ...emptyDesiredState,
      policies: [
        { id: 'a', rules: [rule] },
        { id: 'c', rules: [] },
      ],
    }
    const before = {
      ...nothing(),
      policies: [
        { id: 'a', rules: [] },
        { id: 'b', rules: [] },
      ],
    }
    assert.deepEqual(planContent(desired, before), [
      { type: 'policy_removed', policy_id: 'a' },
      { type: 'policy_removed', policy_id: 'b' },
      { type: 'policy_added', policy_id: 'a' },
      { type: 'policy_added', policy_id: 'c' },
    ])
  })

  it('claims nothing of policies where nothing enforces them', () => {
    const desired = { ...emptyDesiredState, policies: [{ id: 'a', rules: [] }] }
    assert.deepEqual(planContent(desired, { ...nothing(), policies: null }), [])
  })
})

function nothing(): Observed {
  const { metadata, data, secret_refs, policies } = emptyDesiredState
  return {
    metadata,
    data,
    secret_refs,
    policies,
    signing_keys: { current: web.public_key },
  }
}

function observed({ id, public_key, endpoint, allowed_ips, psk }: Peer): ObservedPeer {
  return { id, public_key, endpoint, allowed_ips, psk }
}

function anEntry(key: string, version: number): DataEntry {
  const updated_at = '2025-01-15T10:30:00Z'
  return { key, content_type: 'text/plain', payload: '"x"', version, updated_at }
}
