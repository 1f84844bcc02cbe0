import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { helloWants } from './hello.ts'

/** A ClientHello of so many bytes behind its head, in records of at most so many bytes. */
function aHello(bodyBytes: number, recordBytes: number): Buffer {
  const message = Buffer.alloc(4 + bodyBytes, 7)
  message.writeUInt32BE((1 << 24) + bodyBytes)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += recordBytes) {
    const content = message.subarray(at, at + recordBytes)
    records.push(Buffer.from([22, 3, 1, content.length >> 8, content.length & 0xff]), content)
  }
  return Buffer.concat(records)
}

describe('helloWants', () => {
  it('wants more of every beginning, never more than is missing, and nothing of what is whole', () => {
    for (const recordBytes of [1, 2, 3, 4, 5, 100, 1_000])
      for (const bodyBytes of [1, 2, 300]) {
        const hello = aHello(bodyBytes, recordBytes)
        for (let length = 0; length < hello.length; length++) {
          const more = helloWants(hello.subarray(0, length))
          assert.ok(more > 0 && more <= hello.length - length, `${length} of ${hello.length}`)
        }
        assert.equal(helloWants(hello), 0)
      }
  })

  it('leaves what is no ClientHello to TLS', () => {
    for (const other of ['GET / HTTP/1.1', '\x15', '\x16\x03\x01\0\0', '\x16\x03\x01\0\x01\x02'])
      assert.equal(helloWants(Buffer.from(other, 'latin1')), 0, JSON.stringify(other))
  })
})
