import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { platformOf } from './platform.ts'

const linux = { os: 'linux', arch: 'amd64' }

describe('platformOf', () => {
  it('is what the node reports; a label only if it does not', () => {
    const labels = { os: 'debian' }
    assert.deepEqual(platformOf({ labels, reported: linux }), linux)
    assert.deepEqual(platformOf({ labels: linux, reported: {} }), linux)
    assert.deepEqual(platformOf({ labels: {}, reported: {} }), { os: '', arch: '' })
  })
})
