import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newAdminToken, newBootstrapToken, newId, newNodeToken } from './ids.ts'

describe('ids and tokens', () => {
  it('say what they are for, and are safe in a path, a label and a file name', () => {
    assert.match(newId('node'), /^n_[0-9a-hjkmnp-tv-z]{16}$/)
    assert.match(newId('execution'), /^exec_[0-9a-hjkmnp-tv-z]{16}$/)
    assert.match(newBootstrapToken(), /^plx_enroll_[0-9a-z]{32}$/)
    assert.match(newNodeToken(), /^plx_node_[0-9a-z]{32}$/)
    assert.match(newAdminToken(), /^plx_admin_[0-9a-z]{32}$/)
  })

  it('do not repeat', () => {
    const ids = Array.from({ length: 10_000 }, () => newId('event'))

    assert.equal(new Set(ids).size, ids.length)
  })
})
