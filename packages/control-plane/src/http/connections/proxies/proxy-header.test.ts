import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { headerFrom, proxyHeader } from '../../../testing/proxy-headers.ts'
import {
  headerFaults,
  maxHeaderBytes,
  ownHeader,
  type ProxyHeader,
  readProxyHeader,
} from './proxy-header.ts'

const seed = Number(process.env.PLEXD_SEED ?? Math.floor(Math.random() * 2 ** 31))
/** Enough for all of them on any machine that is not busy; on others there are fewer. */
const drawn = { seed, numRuns: 50_000, interruptAfterTimeLimit: 30_000 }

const text = (string: string) => Buffer.from(string, 'latin1')
const hello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
const zeros = (count: number): number[] => Array(count).fill(0)
const v6 = (groups: readonly number[], port: number) => [
  ...groups.flatMap((group) => [group >> 8, group & 0xff]),
  ...zeros(16),
  ...[port >> 8, port & 0xff, 0, 1],
]

describe('readProxyHeader', () => {
  for (const [title, bytes, address] of [
    ['an IPv4 address', headerFrom('203.0.113.7'), '203.0.113.7'],
    [
      'an IPv6 address, as Node writes it',
      proxyHeader({ family: 0x21, addresses: v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7], 4_711) }),
      '2001:db8::7',
    ],
    [
      'an IPv4 address in an IPv6 one',
      proxyHeader({ family: 0x21, addresses: v6([0, 0, 0, 0, 0, 0xffff, 0xcb00, 0x7107], 4_711) }),
      '203.0.113.7',
    ],
  ] as const)
    it(`reads ${title}, and passes over what is behind it`, () => {
      const peer = { address, port: 4_711 }
      assert.deepEqual(readProxyHeader(bytes), { kind: 'header', bytes: bytes.length, peer })
      const more = Buffer.concat([bytes, hello])
      assert.deepEqual(readProxyHeader(more), { kind: 'header', bytes: bytes.length, peer })
    })

  for (const [title, bytes] of [
    ['it speaks for itself', ownHeader],
    [
      'it speaks for itself, with addresses',
      proxyHeader({ command: 0, addresses: zeros(12), tlvs: [4, 0, 0] }),
    ],
    [
      'it speaks for itself, with a protocol that nobody knows',
      proxyHeader({ command: 0, family: 0xff }),
    ],
    ['it does not know', proxyHeader({ family: 0x00 })],
    ['it does not know, and says more', proxyHeader({ family: 0x00, tlvs: zeros(200) })],
    ['it means UDP', proxyHeader({ family: 0x12, addresses: zeros(12) })],
    ['it means UDP over IPv6', proxyHeader({ family: 0x22, addresses: zeros(36) })],
    ['it means a Unix socket', proxyHeader({ family: 0x31, addresses: zeros(216) })],
  ] as const)
    it(`takes a header in which a balancer names nobody: ${title}`, () => {
      const read = readProxyHeader(Buffer.concat([bytes, hello]))
      assert.deepEqual(read, { kind: 'header', bytes: bytes.length, peer: undefined })
    })

  for (const [bytes, why] of [
    [text('PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n'), headerFaults.v1],
    [hello, headerFaults.tls],
    [text('GET / HTTP/1.1\r\n'), headerFaults.other],
    [text('\r\n\r\n\0\r\nQUIT\r'), headerFaults.other],
    [text('PROXIES'), headerFaults.other],
    [text('\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0'), headerFaults.version],
    [proxyHeader({ command: 2 }), headerFaults.command],
    [proxyHeader({ family: 0x13, addresses: zeros(12) }), headerFaults.command],
    [proxyHeader({ family: 0x41, addresses: zeros(216) }), headerFaults.command],
    [proxyHeader({ addresses: zeros(11) }), headerFaults.short],
    [proxyHeader({ family: 0x21, addresses: zeros(35) }), headerFaults.short],
    [proxyHeader({ family: 0x31, addresses: zeros(215) }), headerFaults.short],
    [proxyHeader({ tlvs: zeros(maxHeaderBytes - 15) }), headerFaults.long],
  ] as const)
    it(`refuses ${JSON.stringify(bytes.toString('latin1', 0, 18))}: ${why}`, () =>
      assert.deepEqual(readProxyHeader(bytes), { kind: 'none', why }))

  it('takes one of the greatest length', () => {
    const bytes = proxyHeader({ addresses: zeros(12), tlvs: zeros(maxHeaderBytes - 28) })
    assert.equal(readProxyHeader(bytes).kind, 'header')
  })

  it('takes what is a header however it is split, and nothing of what follows', (t) => {
    t.diagnostic(`PLEXD_SEED=${seed}`)
    fc.assert(
      fc.property(anyHeader, fc.uint8Array({ maxLength: 40 }), splits, (header, rest, sizes) => {
        const stream = Buffer.concat([header.bytes, rest])
        const { read, taken } = feed(stream, sizes)
        assert.deepEqual(read, { kind: 'header', bytes: taken, peer: header.peer })
        assert.equal(taken, header.bytes.length)
      }),
      drawn,
    )
  })

  it('comes to an end with whatever is sent, and always to the same one', (t) => {
    t.diagnostic(`PLEXD_SEED=${seed}`)
    fc.assert(
      fc.property(hostile, splits, (bytes, sizes) => {
        const whole = feed(bytes, [bytes.length])
        const { read, taken } = feed(bytes, sizes)
        assert.deepEqual(read, whole.read)
        assert.ok(taken <= maxHeaderBytes)
        if (read.kind === 'begun') assert.ok(read.more > 0 && taken === bytes.length)
        if (read.kind === 'none') assert.ok(Object.values(headerFaults).includes(read.why))
      }),
      drawn,
    )
  })
})

/** As a connection is read: never more than is wanted, in pieces that come as they come. */
function feed(stream: Buffer, sizes: readonly number[]): { read: ProxyHeader; taken: number } {
  let [taken, come, piece] = [0, 0, 0]
  let read = readProxyHeader(stream.subarray(0, 0))
  while (read.kind === 'begun' && taken < stream.length) {
    if (come === taken) come = Math.min(stream.length, come + (sizes[piece++ % sizes.length] ?? 1))
    taken = Math.min(come, taken + read.more)
    read = readProxyHeader(stream.subarray(0, taken))
  }
  return { read, taken }
}

const splits = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 6 })
const byte = fc.integer({ min: 0, max: 255 })
const tlvs = fc.array(byte, { maxLength: 80 })
const bytesOf = (count: number) => fc.array(byte, { minLength: count, maxLength: count })
const port = (bytes: readonly number[], at: number) =>
  ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

const ofIpv4 = fc.record({ addresses: bytesOf(12), tlvs }).map((given) => ({
  bytes: proxyHeader(given),
  peer: {
    address: given.addresses.slice(0, 4).join('.'),
    port: port(given.addresses, 8),
  },
}))
/** None of whose groups is zero, so that there is one way to write it. */
const ofIpv6 = fc
  .record({
    groups: fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 }),
    number: fc.integer({ min: 0, max: 0xffff }),
    tlvs,
  })
  .map(({ groups, number, tlvs }) => ({
    bytes: proxyHeader({ family: 0x21, addresses: v6(groups, number), tlvs }),
    peer: { address: groups.map((group) => group.toString(16)).join(':'), port: number },
  }))
const ofNobody = fc
  .record({ command: fc.constant(0), family: byte, addresses: bytesOf(12), tlvs })
  .map((given) => ({ bytes: proxyHeader(given), peer: undefined }))
const anyHeader = fc.oneof(ofIpv4, ofIpv6, ofNobody)

/** A header in which some bytes are others, or are missing, and what has nothing of one. */
const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.string().map((noise) => text(`PROXY ${noise}`)),
  fc
    .record({
      header: anyHeader,
      changes: fc.array(fc.tuple(fc.nat(120), byte), { maxLength: 4 }),
      end: fc.nat(120),
    })
    .map(({ header, changes, end }) => {
      const bytes = Buffer.from(header.bytes.subarray(0, end))
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    }),
)
