import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { skewOf, type VersionSkew, versionTrouble } from './version-skew.ts'

describe('skewOf', () => {
  const cases: [string, string, VersionSkew][] = [
    ['0.5.0', '0.5.9', 'served'],
    ['0.4.3', '0.5.0', 'served'],
    ['0.6.0', '0.5.0', 'served'],
    ['0.6.0-rc.1', '0.5.0', 'served'],
    ['v0.5.0+build', '0.5.0', 'served'],
    ['0.3.9', '0.5.0', 'too_old'],
    ['0.7.0', '0.5.0', 'too_new'],
    ['1.9.0', '2.0.0', 'served'],
    ['2.0.1', '1.9.0', 'served'],
    ['1.9.0', '2.1.0', 'too_old'],
    ['2.1.0', '1.9.0', 'too_new'],
    ['1.0.0', '3.0.0', 'too_old'],
    ['3.0.0', '1.0.0', 'too_new'],
    ['', '0.5.0', 'unknown'],
    ['dev', '0.5.0', 'unknown'],
    ['0.5', '0.5.0', 'unknown'],
  ]
  for (const [node, controlPlane, skew] of cases)
    it(`is ${skew} for a node ${node || 'that does not say'} at a control plane ${controlPlane}`, () =>
      assert.equal(skewOf(node, controlPlane), skew))
})

describe('versionTrouble', () => {
  it('says what is served, and which of the two is to be upgraded', () => {
    assert.equal(
      versionTrouble('0.3.0', '0.5.0'),
      'plexd 0.3.0 is too old for a control plane 0.5.0, which serves 0.4 to 0.6: upgrade the node',
    )
    assert.match(
      versionTrouble('3.2.0', '2.0.0'),
      /the last 1\.x to 2\.1: upgrade the control plane$/,
    )
    assert.match(versionTrouble('0.9.0', '0.0.1'), /0\.0 to 0\.1/)
    assert.equal(versionTrouble('0.4.9', '0.5.0'), '')
    assert.equal(versionTrouble('dev', '0.5.0'), '')
  })
})
