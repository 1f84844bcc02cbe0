import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DataEntry } from '../state/data-entry.ts'
import { emptyDesiredState } from '../state/desired-state.ts'
import { aPeer } from '../testing/peer.ts'
import { type Observed, planContent } from './plan.ts'

const db = aPeer('n_db', 1)
const web = aPeer('n_web', 2)

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

  it('reports nothing about policies where nothing enforces them', () => {
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

function anEntry(key: string, version: number): DataEntry {
  const updated_at = '2025-01-15T10:30:00Z'
  return { key, content_type: 'text/plain', payload: '"x"', version, updated_at }
}
