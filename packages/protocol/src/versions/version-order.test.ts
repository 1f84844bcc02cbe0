import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compareVersions, isVersion } from './version-order.ts'

describe('compareVersions', () => {
  // The examples of semver.org, section 11, and what lies around them.
  const ascending = [
    'none',
    '0.9.9',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    'v2.0.0',
    '10.0.0',
  ]

  it('orders by precedence', () => {
    for (const [at, a] of ascending.entries())
      for (const [other, b] of ascending.entries())
        assert.equal(Math.sign(compareVersions(a, b)), Math.sign(at - other), `${a} and ${b}`)
  })

  it('ignores build metadata', () => {
    assert.equal(compareVersions('1.0.0+a', 'v1.0.0+b'), 0)
    assert.ok(compareVersions('1.0.0-rc.1+z', '1.0.0+a') < 0)
  })
})

it('isVersion refuses what would not be a folder of its own', () => {
  for (const text of ['', '1', '1.0', '../1.0.0', '1.0.0/..', '01.0.0', `1.0.0-${'x'.repeat(99)}`])
    assert.equal(isVersion(text), false, text)
  assert.equal(isVersion('v1.2.3-rc.1+build.7'), true)
})
