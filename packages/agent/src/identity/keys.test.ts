import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generatePrivateKey, publicKeyOf } from './keys.ts'

describe('WireGuard keys', () => {
  it('are clamped, 32 bytes in base64, and never the same', () => {
    const keys = Array.from({ length: 20 }, generatePrivateKey)
    for (const key of keys) {
      const bytes = Buffer.from(key, 'base64')
      assert.equal(bytes.length, 32)
      assert.equal(bytes.readUInt8(0) & 7, 0)
      assert.equal(bytes.readUInt8(31) & 192, 64)
    }
    assert.equal(new Set(keys).size, 20)
  })

  it('have the public key of RFC 7748, section 6.1 (Bob)', () => {
    const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')
    assert.equal(
      publicKeyOf(base64('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')),
      base64('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'),
    )
  })
})
