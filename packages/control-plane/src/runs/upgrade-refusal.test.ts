import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { upgradeRefusal } from './upgrade-refusal.ts'

const build = {
  version: '1.6.0',
  os: 'linux',
  arch: 'amd64',
  size: 1,
  checksum: 'sha256:ab',
  created_at: 0,
  signature: 'sig',
}
const target = { version: '1.6.0', allowDowngrade: false, builds: [build] }
const node = { os: 'linux', arch: 'amd64', is_go: false, running: '1.5.0' }

describe('upgradeRefusal', () => {
  it('has nothing against a node that runs an older version, or does not say which', () => {
    assert.equal(upgradeRefusal(node, target), undefined)
    assert.equal(upgradeRefusal({ ...node, running: '' }, target), undefined)
  })

  it('leaves out who runs it already, or a newer one, unless that is allowed', () => {
    const newer = { ...node, running: '1.10.0' }
    assert.match(upgradeRefusal({ ...node, running: '1.6.0' }, target) ?? '', /1\.6\.0 already$/)
    assert.match(upgradeRefusal(newer, target) ?? '', /^it runs plexd 1\.10\.0, which is newer/)
    assert.equal(upgradeRefusal(newer, { ...target, allowDowngrade: true }), undefined)
  })

  it('leaves out who could not take it', () => {
    assert.match(upgradeRefusal({ ...node, is_go: true }, target) ?? '', /Go agent/)
    assert.equal(
      upgradeRefusal({ ...node, arch: 'arm64' }, target),
      'there is no plexd 1.6.0 for linux/arm64',
    )
    const unsigned = { ...target, builds: [{ ...build, signature: null }] }
    assert.match(upgradeRefusal(node, unsigned) ?? '', /has no signature/)
  })
})
