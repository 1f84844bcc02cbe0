import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { linkOf } from './link-of.ts'

const link = Buffer.alloc(32, 1).toString('base64')
const one = { state: 'serving', sinceMs: 1, address: '192.0.2.1:8443', link }

const placeOf = (...others: Parameters<typeof linkOf>[0]) => {
  const found = linkOf(others)
  return found && `${found.host} ${found.port}`
}

describe('linkOf', () => {
  it('leads to the last that serves', () => {
    const other = { ...one, address: '192.0.2.2:8443' }
    assert.equal(placeOf(one, { ...other, sinceMs: 2 }), '192.0.2.2 8443')
    assert.equal(placeOf({ ...one, sinceMs: 2 }, other), '192.0.2.1 8443')
    assert.equal(placeOf(one, { ...other, sinceMs: 2, state: 'waiting' }), '192.0.2.1 8443')
  })

  it('leads nowhere where nobody serves, or has said at which address', () => {
    assert.equal(placeOf(), undefined)
    assert.equal(placeOf({ ...one, state: 'starting' }), undefined)
    assert.equal(placeOf({ ...one, address: '' }), undefined)
  })

  it('takes an address of IPv6 out of its brackets', () => {
    assert.equal(placeOf({ ...one, address: '[2001:db8::1]:8443' }), '2001:db8::1 8443')
  })

  it('leads nowhere by what is no address', () => {
    for (const address of ['192.0.2.1', '192.0.2.1:', ':8443', '192.0.2.1:0', '192.0.2.1:99999'])
      assert.equal(placeOf({ ...one, address }), undefined, address)
  })
})
