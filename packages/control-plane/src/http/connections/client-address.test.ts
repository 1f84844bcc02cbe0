import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createAddressOf } from './client-address.ts'

const of = createAddressOf(['10.0.0.0/24', '192.0.2.1/32', '2001:db8:1::/64'])
const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) =>
  of({ headers, socket: { remoteAddress } })
const xff = (text: string) => ({ 'x-forwarded-for': text })
const forwarded = (text: string) => ({ forwarded: text })

describe('the address of who sends a request', () => {
  for (const [title, peer, headers, address] of [
    ['its own', '203.0.113.7', {}, '203.0.113.7'],
    ['its own, in IPv6', '::ffff:203.0.113.7', {}, '203.0.113.7'],
    ['its own, with a zone', 'fe80::1%eth0', {}, 'fe80::1'],
    ['its own, whatever it claims', '203.0.113.7', xff('198.51.100.1'), '203.0.113.7'],
    [
      'its own, whatever it claims by the other header',
      '203.0.113.7',
      forwarded('for=198.51.100.1'),
      '203.0.113.7',
    ],
    ['none, on a socket', undefined, xff('198.51.100.1'), ''],
    ['what a proxy says', '10.0.0.5', xff('203.0.113.7'), '203.0.113.7'],
    ['what a proxy says in IPv6', '::ffff:10.0.0.5', xff('2001:DB8::7'), '2001:db8::7'],
    ['what a proxy with an IPv6 address says', '2001:db8:1::9', xff('203.0.113.7'), '203.0.113.7'],
    ['that of a proxy which says nothing', '10.0.0.5', {}, '10.0.0.5'],
    ['with a port', '10.0.0.5', xff('203.0.113.7:4711'), '203.0.113.7'],
    ['with brackets, zone and port', '10.0.0.5', xff('[fe80::7%eth0]:4711'), 'fe80::7'],
    [
      'of RFC 7239',
      '10.0.0.5',
      forwarded('for="[2001:db8::7]:4711";proto=https;by=10.0.0.5'),
      '2001:db8::7',
    ],
    [
      'of RFC 7239, in any case',
      '10.0.0.5',
      forwarded('proto=https; For=203.0.113.7'),
      '203.0.113.7',
    ],
    [
      'the last before trusted ones',
      '10.0.0.5',
      xff('1.1.1.1, 203.0.113.7, 192.0.2.1, 10.0.0.9'),
      '203.0.113.7',
    ],
    ['the first of trusted ones alone', '10.0.0.5', xff('10.0.0.8, 10.0.0.9'), '10.0.0.8'],
    ['none of garbage', '10.0.0.5', xff('unknown'), '10.0.0.5'],
    ['none before garbage', '10.0.0.5', xff('1.1.1.1, _hidden, 10.0.0.9'), '10.0.0.9'],
    ['none of an IPv4 address in brackets', '10.0.0.5', xff('[203.0.113.7]'), '10.0.0.5'],
    ['none of a text without end', '10.0.0.5', xff('1'.repeat(10_000)), '10.0.0.5'],
    [
      'none where both headers disagree',
      '10.0.0.5',
      { ...xff('203.0.113.7'), ...forwarded('for=198.51.100.1') },
      '10.0.0.5',
    ],
    [
      'that of both headers',
      '10.0.0.5',
      { ...xff('203.0.113.7'), ...forwarded('for=203.0.113.7') },
      '203.0.113.7',
    ],
    [
      'the last of those that are looked at',
      '10.0.0.5',
      xff(`1.1.1.1, ${'10.0.0.9, '.repeat(5_000)}10.0.0.8`),
      '10.0.0.9',
    ],
    [
      'what follows a quote without end',
      '10.0.0.5',
      forwarded('for="1.1.1.1, for=203.0.113.7'),
      '203.0.113.7',
    ],
  ] as const)
    it(`is ${title}`, () => assert.equal(from(peer, headers), address))

  it('is never what a client has put in front of what a proxy adds', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom('10.0.0.9', ',', 'for=', '"', ';', '[', 'unknown'),
    )
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(text, (spoofed) => {
        assert.equal(from('10.0.0.5', xff(`${spoofed}, 203.0.113.7`)), '203.0.113.7')
        assert.equal(from('10.0.0.5', forwarded(`${spoofed}, for=203.0.113.7`)), '203.0.113.7')
        assert.equal(from('203.0.113.7', { ...xff(spoofed), ...forwarded(spoofed) }), '203.0.113.7')
      }),
    )
  })
})
