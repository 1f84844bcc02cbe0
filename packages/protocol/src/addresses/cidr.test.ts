import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cidrContains, cidrSize, formatCidr, formatIpv4, parseCidr, parseIpv4 } from './cidr.ts'

const address = fc.nat(2 ** 32 - 1)

describe('parseIpv4', () => {
  it('reads what formatIpv4 prints, over the whole range', () => {
    assert.equal(parseIpv4('255.255.255.255'), 2 ** 32 - 1)
    fc.assert(fc.property(address, (number) => parseIpv4(formatIpv4(number)) === number))
  })

  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.-4',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '0x1.2.3.4',
    '::1',
  ]) {
    it(`refuses ${JSON.stringify(text)} and quotes it`, () => {
      assert.throws(() => parseIpv4(text), {
        name: 'RangeError',
        message: `parse IPv4 address "${text}": want four numbers from 0 to 255`,
      })
    })
  }
})

describe('parseCidr', () => {
  it('reads a range, and an address as a range of one', () => {
    assert.deepEqual(parseCidr('10.100.0.0/16'), { family: 4, first: 0x0a640000, prefixLength: 16 })
    assert.deepEqual(parseCidr('10.100.1.2'), { family: 4, first: 0x0a640102, prefixLength: 32 })
    assert.deepEqual(parseCidr('0.0.0.0/0'), { family: 4, first: 0, prefixLength: 0 })
  })

  for (const text of [
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0.0/ 8',
    '10.0.0/8',
  ]) {
    it(`refuses "${text}"`, () => assert.throws(() => parseCidr(text), RangeError))
  }

  it('refuses an address with bits behind the prefix, which may be a typing error', () => {
    assert.throws(() => parseCidr('10.100.1.0/16'), {
      message: 'parse CIDR "10.100.1.0/16": the address has bits set behind the prefix length',
    })
  })

  it('agrees with a comparison of the bits in front of the prefix', () => {
    fc.assert(
      fc.property(address, address, fc.nat(32), (one, other, prefixLength) => {
        const bits = (number: number): string =>
          number.toString(2).padStart(32, '0').slice(0, prefixLength)
        const first = Number.parseInt(bits(one).padEnd(32, '0'), 2)
        const range = parseCidr(`${formatIpv4(first)}/${prefixLength}`)

        assert.equal(formatCidr(range), `${formatIpv4(first)}/${prefixLength}`)
        assert.ok(cidrContains(range, one))
        assert.equal(cidrContains(range, other), bits(one) === bits(other))
      }),
    )
  })

  it('knows how many addresses a range holds', () => {
    assert.deepEqual(
      ['10.0.0.0/32', '10.0.0.0/31', '10.0.0.0/8', '0.0.0.0/0'].map((text) =>
        cidrSize(parseCidr(text)),
      ),
      [1, 2, 2 ** 24, 2 ** 32],
    )
  })
})
