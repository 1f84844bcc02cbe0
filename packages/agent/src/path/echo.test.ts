import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatEcho, parseReply } from './echo.ts'

describe('formatEcho', () => {
  it('writes a request of the given size, IP header included, with a correct checksum', () => {
    const message = formatEcho({ id: 0x1234, seq: 7, size: 1_420 })

    assert.equal(message.length + 20, 1_420)
    assert.equal(message.subarray(0, 2).toString('hex'), '0800')
    let sum = 0
    for (let at = 0; at < message.length; at += 2) sum += message.readUInt16BE(at)
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
    assert.equal(sum, 0xffff)
  })
})

describe('parseReply', () => {
  const reply = Buffer.alloc(28)
  reply.writeUInt8(0x45, 0)
  reply.set([10, 100, 0, 2], 12)
  reply.writeUInt16BE(0x1234, 24)
  reply.writeUInt16BE(7, 26)

  it('reads an answer to one of ours, and nothing else', () => {
    assert.deepEqual(parseReply(reply, 0x1234), { seq: 7, from: '10.100.0.2' })
    assert.equal(parseReply(reply, 0x1235), undefined)
    const request = Buffer.from(reply)
    request.writeUInt8(8, 20)
    assert.equal(parseReply(request, 0x1234), undefined)
    for (let length = 0; length < reply.length; length++)
      assert.equal(parseReply(reply.subarray(0, length), 0x1234), undefined)
  })
})
