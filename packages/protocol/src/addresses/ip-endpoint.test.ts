import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatIpv4, parseCidr } from './cidr.ts'
import { endpointFault, isUsableEndpoint } from './ip-endpoint.ts'
import { rangeOf } from './mesh-range.ts'

const meshRanges = [parseCidr('10.200.0.0/16'), parseCidr('10.100.0.0/16')]

describe('endpointFault', () => {
  for (const text of [
    '203.0.113.10:51820',
    '192.168.1.2:1',
    '10.99.255.255:65535',
    '[2001:db8::1]:51820',
    '[fd00:1:2:3:4:5:6:7]:51820',
    '[2001:db8:0:1::]:51820',
    '[64:ff9b::cb00:7101]:51820',
    '[64:ff9b:1::a64:709]:51820',
    '[2002:cb00:7101::1]:51820',
  ])
    it(`finds none in ${text}`, () => {
      assert.equal(endpointFault(text, { meshRanges }), undefined)
    })

  for (const [text, fault] of [
    ['', /no address/],
    ['203.0.113.10', /no address/],
    ['example.com:51820', /no address/],
    ['2001:db8::1:51820', /no address/],
    ['[203.0.113.10]:51820', /no address/],
    ['203.0.113.10:51820\n', /no address/],
    ['203.0.113.256:1', /no address/],
    ['203.0.113.010:1', /no address/],
    ['203.0.113.10:0', /port/],
    ['203.0.113.10:00080', /port/],
    ['203.0.113.10:65536', /port/],
    ['10.100.7.9:51820', /inside the mesh, 10\.100\.0\.0\/16/],
    ['0.0.0.0:51820', /no host/],
    ['0.1.2.3:51820', /no host/],
    ['127.0.0.1:51820', /loopback/],
    ['169.254.1.2:51820', /link-local/],
    ['224.0.0.1:51820', /multicast/],
    ['239.255.255.250:51820', /multicast/],
    ['255.255.255.255:51820', /broadcast/],
    ['240.0.0.1:51820', /reserved/],
    ['255.255.255.254:51820', /reserved/],
    ['[fec0::1]:51820', /reserved/],
    ['[feff::1]:51820', /reserved/],
    ['[100::1]:51820', /reserved/],
    ['[4000::1]:51820', /reserved/],
    ['[64:ff9b::a64:709]:51820', /leads to 10\.100\.7\.9: it lies inside the mesh/],
    ['[64:ff9b::7f00:1]:51820', /leads to 127\.0\.0\.1: its address is loopback/],
    ['[2002:a64:709::1]:51820', /leads to 10\.100\.7\.9: it lies inside the mesh/],
    ['[fe80::1%eth0]:1', /link-local/],
    ['[fe80::1]:1', /link-local/],
    ['[febf::1]:1', /link-local/],
    ['[::]:51820', /no host/],
    ['[::1]:51820', /loopback/],
    ['[ff02::1]:51820', /multicast/],
    ['[::ffff:127.0.0.1]:51820', /form of IPv6, 127\.0\.0\.1/],
    ['[::ffff:a64:709]:51820', /form of IPv6, 10\.100\.7\.9/],
    ['[::ffff:203.0.113.10]:51820', /form of IPv6/],
    ['[::203.0.113.10]:51820', /form of IPv6/],
    ['[2001:DB8::1]:51820', /written as \[2001:db8::1\]/],
    ['[2001:db8:0::1]:51820', /written as/],
    ['[2001:0db8::1]:51820', /written as/],
    ['[2001:db8:1:2:3:4:0:6::]:51820', /no address/],
    ['[2001:db8:::1]:51820', /no address/],
    ['[2001:db8::1::2]:51820', /no address/],
    ['[]:51820', /no address/],
  ] as const)
    it(`finds one in ${JSON.stringify(text)}`, () => {
      assert.match(endpointFault(text, { meshRanges }) ?? 'none', fault)
    })

  it('finds none in loopback where all is one machine, and still in the other forms of it', () => {
    assert.ok(isUsableEndpoint('127.0.0.1:51820', { loopback: true }))
    assert.ok(isUsableEndpoint('[::1]:51820', { loopback: true }))
    assert.ok(!isUsableEndpoint('[::ffff:127.0.0.1]:51820', { loopback: true }))
    assert.ok(!isUsableEndpoint('0.0.0.0:51820', { loopback: true }))
  })

  it('tells every IPv4 address inside the mesh from those outside, in both families', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), fc.integer({ min: 1, max: 65_535 }), (number, port) => {
        const address = formatIpv4(number)
        const first = number >>> 24
        const isHost = first !== 0 && first !== 127 && first < 224
        const isLocal = address.startsWith('169.254.')
        const isFine = isHost && !isLocal && rangeOf(meshRanges, number) === undefined
        assert.equal(isUsableEndpoint(`${address}:${port}`, { meshRanges }), isFine)
        assert.ok(!isUsableEndpoint(`[::ffff:${address}]:${port}`))
        const nat64 = new URL(`ws://[64:ff9b::${address}]`).hostname
        assert.equal(isUsableEndpoint(`${nat64}:${port}`, { meshRanges }), isFine)
      }),
    )
  })

  it('takes of any text one form only: what it takes, URL writes the same way', () => {
    const texts = fc.oneof(
      fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 70_000 })).map(([ip, p]) => `[${ip}]:${p}`),
      fc.tuple(fc.ipV4Extended(), fc.string()).map(([ip, port]) => `${ip}:${port}`),
      fc.string(),
    )
    fc.assert(
      fc.property(texts, (text) => {
        if (!isUsableEndpoint(text)) return
        // A scheme without a usual port, so that none is left out.
        assert.equal(new URL(`ws://${text}`).hostname, text.slice(0, text.lastIndexOf(':')))
      }),
    )
  })
})
