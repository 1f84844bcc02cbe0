import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sourceOf } from './source.ts'

describe('sourceOf', () => {
  it('is an IPv4 address, however it is written', () => {
    assert.equal(sourceOf('203.0.113.7'), '203.0.113.7')
    assert.equal(sourceOf('::ffff:203.0.113.7'), '203.0.113.7')
  })

  it('is the network of an IPv6 address', () => {
    assert.equal(sourceOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
    assert.equal(sourceOf('2001:db8::1'), '2001:db8:0:0::/64')
    assert.equal(sourceOf('2001:0db8:0:2::'), '2001:db8:0:2::/64')
    assert.equal(sourceOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
    assert.equal(sourceOf('::1'), '0:0:0:0::/64')
    assert.equal(sourceOf('64:ff9b::203.0.113.7'), '64:ff9b:0:0::/64')
  })

  it('is nothing where there is no address', () => {
    assert.equal(sourceOf(undefined), '')
  })
})
