import assert from 'node:assert/strict'
import { SocketAddress } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeStun, encodeStun, type StunMessage } from './stun-message.ts'
import type { Address } from './udp-address.ts'

// RFC 5769, section 2.2 and 2.3: answers with SOFTWARE, XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY and FINGERPRINT.
const ipv4Answer = `
  0101003c 2112a442 b7e7a701bc34d686fa87dfae
  8022000b 7465737420766563746f7220 00200008 0001a147e112a643
  00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96`
const ipv6Answer = `
  01010048 2112a442 b7e7a701bc34d686fa87dfae
  8022000b 7465737420766563746f7220 00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
  00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c`

describe('decodeStun', () => {
  it('reads the IPv4 answer of RFC 5769', () => {
    assert.deepEqual(decodeStun(hex(ipv4Answer)), {
      kind: 'success',
      transactionId: 'b7e7a701bc34d686fa87dfae',
      mapped: { address: '192.0.2.1', port: 32_853 },
    })
  })

  it('reads the IPv6 answer of RFC 5769', () => {
    assert.deepEqual(decodeStun(hex(ipv6Answer))?.mapped, {
      address: '2001:db8:1234:5678:11:2233:4455:6677',
      port: 32_853,
    })
  })

  it('reads what RFC 5780 adds: the origin and the other address', () => {
    const answer = hex(`
      01010030 2112a442 000102030405060708090a0b
      00200008 0001eb7e ea12d543 00010008 0001ca6c cb007101
      802b0008 00010d96 cb007105 802c0008 00010d97 cb007106`)
    assert.deepEqual(decodeStun(answer), {
      kind: 'success',
      transactionId: '000102030405060708090a0b',
      mapped: { address: '203.0.113.1', port: 51_820 },
      origin: { address: '203.0.113.5', port: 3478 },
      other: { address: '203.0.113.6', port: 3479 },
    })
  })

  it('takes the plain mapped address of an old server', () => {
    const answer = hex('0101000c 2112a442 000102030405060708090a0b 00010008 0001ca6c cb007101')
    assert.deepEqual(decodeStun(answer)?.mapped, { address: '203.0.113.1', port: 51_820 })
  })

  it('reads the code of an error', () => {
    const answer = hex('0111000c 2112a442 000102030405060708090a0b 00090006 00000414 55 6e 0000')
    assert.equal(decodeStun(answer)?.errorCode, 420)
  })

  for (const [what, datagram] of [
    ['nothing', ''],
    ['a header that ends early', '01010000 2112a442 00010203'],
    ['another cookie', '01010000 2112a443 000102030405060708090a0b'],
    ['a WireGuard handshake', `01000000 ${'ab'.repeat(144)}`],
    ['another method', '01030000 2112a442 000102030405060708090a0b'],
    ['a length that says too much', '01010004 2112a442 000102030405060708090a0b'],
    ['bytes behind its length', '01010000 2112a442 000102030405060708090a0b 00000000'],
    ['a length that is no multiple of four', '01010002 2112a442 000102030405060708090a0b 0000'],
    ['an attribute that leads out', '01010008 2112a442 000102030405060708090a0b 00200008 00010000'],
    [
      'an IPv4 address of the wrong size',
      '01010014 2112a442 000102030405060708090a0b 00200010 0001000000000000000000000000 0000',
    ],
    ['an unknown family', '0101000c 2112a442 000102030405060708090a0b 00200008 00030000 00000000'],
    ['an error code that is none', '01110008 2112a442 000102030405060708090a0b 00090004 00000200'],
  ] as const)
    it(`refuses ${what}`, () => {
      assert.equal(decodeStun(hex(datagram)), undefined)
    })

  it('refuses what no server sends in one packet', () => {
    const filler = `8022 04f4 ${'20'.repeat(0x4f4)}`
    assert.equal(
      decodeStun(hex(`0101 04f8 2112a442 000102030405060708090a0b ${filler}`)),
      undefined,
    )
  })

  it('survives any bytes', () => {
    const start = hex('01010000 2112a442 000102030405060708090a0b')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 96 }), fc.boolean(), (bytes, valid) => {
        const datagram = Buffer.concat([start, bytes])
        if (valid) datagram.writeUInt16BE(bytes.length, 2)
        decodeStun(datagram)
        decodeStun(Buffer.from(bytes))
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('encodeStun', () => {
  it('asks for an answer from another address and port', () => {
    const request = encodeStun({
      kind: 'request',
      transactionId: '000102030405060708090a0b',
      change: { address: true, port: true },
    })
    assert.deepEqual(request, hex('00010008 2112a442 000102030405060708090a0b 00030004 00000006'))
  })

  it('writes what decodeStun reads', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        assert.deepEqual(decodeStun(encodeStun(message)), message)
      }),
    )
  })
})

const anyAddress = fc
  .tuple(fc.oneof(fc.ipV4(), fc.ipV6().map(shortest)), fc.nat(65_535))
  .map(([address, port]): Address => ({ address, port }))
const anyMessage = fc.record(
  {
    kind: fc.constantFrom('request', 'success', 'error'),
    transactionId: fc.uint8Array({ minLength: 12, maxLength: 12 }).map(toHex),
    mapped: anyAddress,
    other: anyAddress,
    origin: anyAddress,
    change: fc.tuple(fc.boolean(), fc.boolean()).map(([address, port]) => ({ address, port })),
    errorCode: fc.integer({ min: 300, max: 699 }),
  },
  { requiredKeys: ['kind', 'transactionId'], noNullPrototype: true },
) as fc.Arbitrary<StunMessage> // fast-check adds `undefined` to what may be left out

/** As the C library writes it. */
function shortest(address: string): string {
  return new SocketAddress({ address, family: 'ipv6' }).address
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex')
}
