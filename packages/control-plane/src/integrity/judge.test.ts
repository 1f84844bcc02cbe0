import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeBinary } from './judge.ts'

const good = 'ab'.repeat(32)
const other = 'cd'.repeat(32)
const linux = { os: 'linux', arch: 'amd64' }
const build = { version: '1.5.0', ...linux, checksum: `sha256:${good}` }

describe('judgeBinary', () => {
  it('verifies a good build, however its checksum is written', () => {
    for (const checksum of [`sha256:${good}`, good, good.toUpperCase()])
      assert.equal(judgeBinary(checksum, linux, [build]), 'verified')
  })

  it('calls a mismatch what is none of the good builds for the platform', () => {
    assert.equal(judgeBinary(other, linux, [build]), 'mismatch')
    const both = [build, { ...build, checksum: `sha256:${other}` }]
    assert.equal(judgeBinary(other, linux, both), 'verified')
  })

  it('knows nothing of a version or a platform without a good build', () => {
    assert.equal(judgeBinary(good, linux, []), 'unknown')
    assert.equal(judgeBinary(other, { os: 'linux', arch: 'arm64' }, [build]), 'unknown')
  })

  it('compares with every build if the node does not say what machine it is', () => {
    const nowhere = { os: '', arch: '' }
    assert.equal(judgeBinary(good, nowhere, [build]), 'verified')
    assert.equal(judgeBinary(other, nowhere, [build]), 'mismatch')
  })
})
