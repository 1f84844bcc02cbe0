import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readProxyHeader } from '../http/connections/proxies/proxy-header.ts'
import { linkHeader, markOf, relayingIn } from './link-header.ts'

const keyOf = (byte: number) => createSecretKey(Buffer.alloc(32, byte))
const key = keyOf(1)
const mark = Buffer.from('0123456789abcdef')
const ends = {
  remoteAddress: '203.0.113.7',
  remotePort: 40_000,
  localAddress: '192.0.2.1',
  localPort: 8_443,
}

describe('linkHeader', () => {
  it('is one of version 2 with both addresses', () => {
    const header = linkHeader(key, ends, mark)
    assert.equal(header.subarray(0, 12).toString('latin1'), '\r\n\r\n\0\r\nQUIT\n')
    assert.deepEqual([...header.subarray(12, 14)], [0x21, 0x11])
    assert.equal(header.readUInt16BE(14), header.length - 16)
    assert.deepEqual([...header.subarray(16, 24)], [203, 0, 113, 7, 192, 0, 2, 1])
    assert.deepEqual([header.readUInt16BE(24), header.readUInt16BE(26)], [40_000, 8_443])
  })

  it('has both addresses in one family', () => {
    const header = linkHeader(key, { ...ends, remoteAddress: '2001:db8::7%eth0' }, mark)
    assert.equal(header[13], 0x21)
    assert.equal(header.subarray(16, 32).toString('hex'), '20010db8000000000000000000000007')
    assert.equal(header.subarray(32, 48).toString('hex'), '00000000000000000000ffffc0000201')
    assert.equal(linkHeader(key, { ...ends, remoteAddress: '::ffff:203.0.113.7' }, mark)[13], 0x11)
  })

  it('is that of a control plane that knows the key, and of nobody else', () => {
    const header = linkHeader(key, ends, mark)
    assert.deepEqual(markOf(header, key), mark)
    assert.equal(markOf(header, keyOf(2)), undefined)
    fc.assert(
      fc.property(fc.nat(header.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = Buffer.from(header)
        other[at] = (other[at] ?? 0) ^ change
        assert.equal(markOf(other, key), undefined)
        assert.equal(markOf(header.subarray(0, at), key), undefined)
      }),
    )
  })

  it('says whether who writes it ends soon, of either family, and not to who reads only the mark', () => {
    for (const remoteAddress of [ends.remoteAddress, '2001:db8::7'])
      for (const how of ['staying', 'draining'] as const) {
        const header = linkHeader(key, { ...ends, remoteAddress }, mark, how)
        assert.equal(relayingIn(header), how)
        assert.deepEqual(markOf(header, key), mark)
        const read = readProxyHeader(header)
        assert.deepEqual(read.kind === 'header' && [read.bytes, read.peer?.address], [
          header.length,
          remoteAddress,
        ])
      }
  })
})
