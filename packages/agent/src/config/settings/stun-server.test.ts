import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseStunServer } from './stun-server.ts'

describe('parseStunServer', () => {
  for (const [text, host, port] of [
    ['stun.l.google.com:19302', 'stun.l.google.com', 19_302],
    ['stun.cloudflare.com', 'stun.cloudflare.com', 3478],
    ['203.0.113.5:3478', '203.0.113.5', 3478],
    ['[2001:db8::1]:3479', '2001:db8::1', 3479],
  ] as const)
    it(`reads ${text}`, () => {
      assert.deepEqual(parseStunServer(text), { host, port })
    })

  for (const text of ['', 'stun:1:2', '2001:db8::1', 'a:0', 'a:65536', '[1.2.3.4]:1', 'a b'])
    it(`refuses "${text}"`, () => {
      assert.throws(() => parseStunServer(text), RangeError)
    })
})
