import assert from 'node:assert/strict'
import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isUsablePublicKey } from './public-key.ts'

const prime = 2n ** 255n - 19n
const highBit = 2n ** 255n

/** Every u below 2^255 that X25519 takes for a point of low order. */
const lowOrder = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  prime - 1n,
  prime,
  prime + 1n,
]

describe('isUsablePublicKey', () => {
  for (const u of [...lowOrder, ...lowOrder.map((u) => u + highBit)])
    it(`refuses ${keyOf(u)}, with which there is no secret`, () => {
      assert.equal(secretWith(keyOf(u)), undefined)
      assert.equal(isUsablePublicKey(keyOf(u)), false)
    })

  it('refuses base64 that is not canonical, of another length, or none', () => {
    const key = keyOf(9n)
    assert.equal(isUsablePublicKey(key), true)
    for (const text of [
      '',
      key.slice(0, -1),
      key.replace('A=', 'B='),
      `${key}\n`,
      `${key}=`,
      `AAAA${key}`,
    ])
      assert.equal(isUsablePublicKey(text), false, text)
  })

  it('agrees with X25519 itself', () => {
    const near = fc.tuple(fc.constantFrom(...lowOrder, 9n, highBit - 1n), fc.bigInt(-3n, 3n))
    const us = fc.oneof(
      near.map(([u, more]) => BigInt.asUintN(256, u + more)),
      fc.bigInt(0n, 2n ** 256n - 1n),
    )
    fc.assert(
      fc.property(us, (u) =>
        assert.equal(isUsablePublicKey(keyOf(u)), secretWith(keyOf(u)) !== undefined),
      ),
    )
  })
})

/** 32 bytes, the lowest first. */
function keyOf(u: bigint): string {
  return Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse().toString('base64')
}

const { privateKey } = generateKeyPairSync('x25519')

/** What X25519 makes of it; undefined where that is zero. */
function secretWith(key: string): Buffer | undefined {
  const x = Buffer.from(key, 'base64').toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' })
  try {
    return diffieHellman({ privateKey, publicKey })
  } catch {
    return undefined
  }
}
