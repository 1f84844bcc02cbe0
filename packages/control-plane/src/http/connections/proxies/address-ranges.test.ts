import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { matcherOf } from './address-ranges.ts'

describe('matcherOf', () => {
  const isInside = matcherOf(['10.0.0.0/24', '192.0.2.1/32', '2001:db8:1::/64', 'fe80::/10'])
  for (const [address, wanted] of [
    ['10.0.0.255', true],
    ['10.0.1.0', false],
    ['::ffff:10.0.0.7', true],
    ['::ffff:10.0.1.7', false],
    ['192.0.2.1', true],
    ['192.0.2.2', false],
    ['2001:db8:1::9', true],
    ['2001:db8:2::9', false],
    ['fe80::1%eth0', true],
    ['', false],
    ['web-01', false],
  ] as const)
    it(`${wanted ? 'has' : 'has not'} "${address}"`, () => assert.equal(isInside(address), wanted))

  it('has nobody without ranges', () => assert.equal(matcherOf([])('10.0.0.1'), false))
})
