import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatIpv4, parseCidr, parseIpv4 } from '@plexd/protocol'
import fc from 'fast-check'
import { capacityOf, nextAddress } from './address-pool.ts'

describe('nextAddress', () => {
  const next = (cidr: string, last: string, taken: string[] = [], resting: string[] = []): string =>
    formatIpv4(
      nextAddress({
        pools: [{ range: parseCidr(cidr), last: last === '' ? 0 : parseIpv4(last) }],
        isTaken: (address) => taken.includes(formatIpv4(address)),
        isResting: (address) => resting.includes(formatIpv4(address)),
      }),
    )

  it('begins behind the network address', () => {
    assert.equal(next('10.100.0.0/16', ''), '10.100.0.1')
  })

  it('goes on behind the one given last, past those taken', () => {
    assert.equal(next('10.100.0.0/16', '10.100.0.1', ['10.100.0.2']), '10.100.0.3')
  })

  it('leaves x.x.255.x to bridges', () => {
    assert.equal(next('10.100.0.0/15', '10.100.254.255'), '10.101.0.0')
  })

  it('starts over at the end of the range, and never gives its broadcast address', () => {
    assert.equal(next('10.100.0.0/24', '10.100.0.254'), '10.100.0.1')
    assert.equal(next('10.100.0.0/16', '10.100.254.255', ['10.100.0.1']), '10.100.0.2')
  })

  it('leaves an address of a node that has just left, unless there is no other', () => {
    const [first, second, third] = ['10.100.0.1', '10.100.0.2', '10.100.0.3']
    assert.equal(next('10.100.0.0/29', '', [], [first]), second)
    const others = ['10.100.0.4', '10.100.0.5', '10.100.0.6']
    assert.equal(next('10.100.0.0/29', second, [first, ...others], [second, third]), third)
  })

  it('says which range is full', () => {
    assert.throws(
      () => next('10.100.0.0/30', '', ['10.100.0.1', '10.100.0.2']),
      /^ApiError: mesh range "10\.100\.0\.0\/30" is full: /,
    )
    assert.throws(() => next('10.100.0.0/32', ''), /is full/)
  })

  it('takes from the first range that has an address, and only then one of a node that has just left', () => {
    const [small, large] = ['10.101.0.0/30', '10.100.0.0/29'].map(parseCidr)
    assert.ok(small && large)
    const from = (taken: string[], resting: string[] = []): string =>
      formatIpv4(
        nextAddress({
          pools: [
            { range: small, last: 0 },
            { range: large, last: parseIpv4('10.100.0.2') },
          ],
          isTaken: (address) => taken.includes(formatIpv4(address)),
          isResting: (address) => resting.includes(formatIpv4(address)),
        }),
      )
    const both = ['10.101.0.1', '10.101.0.2']
    assert.equal(from([]), '10.101.0.1')
    assert.equal(from(both), '10.100.0.3')
    assert.equal(from(['10.101.0.1'], ['10.101.0.2']), '10.100.0.3')
    const all = [1, 2, 3, 4, 5, 6].map((host) => `10.100.0.${host}`)
    assert.equal(from(['10.101.0.1', ...all], ['10.101.0.2']), '10.101.0.2')
    assert.throws(
      () => from([...both, ...all]),
      /^ApiError: mesh ranges "10\.101\.0\.0\/30", "10\.100\.0\.0\/29" are full: .*plexctl mesh range add/,
    )
  })

  it('gives every address of a range once before one comes again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 24, max: 30 }), fc.nat(), (prefixLength, seed) => {
        const range = { family: 4 as const, first: parseIpv4('10.7.4.0'), prefixLength }
        const usable = 2 ** (32 - prefixLength) - 2
        const given = new Set<number>()
        let last = range.first + (seed % (usable + 1))
        for (let count = 0; count < usable; count++) {
          last = nextAddress({
            pools: [{ range, last }],
            isTaken: (address) => given.has(address),
            isResting: () => false,
          })
          given.add(last)
        }
        assert.equal(given.size, usable)
      }),
    )
  })
})

describe('capacityOf', () => {
  it('counts what is given, and not the addresses of bridges', () => {
    for (const [cidr, capacity] of [
      ['10.100.0.0/30', 2],
      ['10.100.0.0/24', 254],
      ['10.100.254.0/23', 255],
      ['10.100.0.0/16', 65_279],
      ['10.100.0.0/15', 130_559],
    ] as const)
      assert.equal(capacityOf(parseCidr(cidr)), capacity)
  })

  it('is how many can be given, one after the other', () => {
    for (const cidr of ['10.100.0.0/28', '10.100.252.0/22', '10.100.0.0/22']) {
      const given = new Set<number>()
      const take = (): number =>
        nextAddress({
          pools: [{ range: parseCidr(cidr), last: 0 }],
          isTaken: (address) => given.has(address),
          isResting: () => false,
        })
      for (let count = 0; count < capacityOf(parseCidr(cidr)); count++) given.add(take())
      assert.throws(take, /is full/)
    }
  })
})
