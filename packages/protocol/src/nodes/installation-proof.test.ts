import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isProof, newChallenge, proveInstallation } from './installation-proof.ts'

it('an installation proves itself with its own key, to who asks now', async () => {
  const [own, other] = [await newPair(), await newPair()]
  const [challenge, later] = [newChallenge(), newChallenge()]
  const proof = await proveInstallation({ challenge, life: 'a' }, own.privateKey)
  assert.equal(await isProof(proof, challenge, [other.publicKey, own.publicKey]), true)
  assert.equal(await isProof(proof, later, [own.publicKey]), false)
  assert.equal(await isProof(proof, challenge, [other.publicKey]), false)
  assert.equal(await isProof({ ...proof, life: 'b' }, challenge, [own.publicKey]), false)
  assert.equal(await isProof({ ...proof, signature: '!' }, challenge, [own.publicKey]), false)
})

async function newPair() {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  return pair as { privateKey: CryptoKey; publicKey: CryptoKey } // Ed25519 makes two
}
