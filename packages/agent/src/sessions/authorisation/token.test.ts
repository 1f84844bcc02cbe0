import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { systemClock } from '@plexd/runtime'
import fc from 'fast-check'
import { aClaims, createTokenSigner, forgeToken, nodeId } from '../testing/session-tokens.ts'
import { SessionRefusal } from './refusal.ts'
import { createTokenVerifier } from './token.ts'

const signer = createTokenSigner()
const verify = createTokenVerifier({ keys: () => signer.keys, nodeId, clock: systemClock })
const eddsa = { alg: 'EdDSA', typ: 'JWT' }

function refuses(token: string, message: RegExp): Promise<void> {
  return assert.rejects(verify(token), (error) => {
    assert.ok(error instanceof SessionRefusal)
    assert.match(error.message, message)
    return true
  })
}

describe('a session token', () => {
  it('is taken if the control plane has signed it for this node', async () => {
    const claims = aClaims({ login: 'root' })
    assert.deepEqual(await verify(await signer.sign(claims)), claims)
  })

  it('is taken by the key before, until the transition ends', async () => {
    const before = createTokenSigner()
    const at = (transition_expires: string) => {
      const keys = { ...signer.keys, previous: before.keys.current, transition_expires }
      return createTokenVerifier({ keys: () => keys, nodeId, clock: systemClock })
    }
    const token = await before.sign({})
    assert.equal((await at('2099-01-01T00:00:00Z')(token)).session_id, 'sess_1')
    await assert.rejects(at('2020-01-01T00:00:00Z')(token), /not signed by the control plane/)
  })

  it('is refused when forged: with another key, without one, or with another algorithm', async () => {
    const claims = aClaims()
    const other = createTokenSigner()
    const raw = Buffer.from(signer.keys.current, 'base64')
    const pem = signer.publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const mac = (secret: string | Buffer) => (text: string) =>
      createHmac('sha256', secret).update(text).digest()
    const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    await refuses(await other.sign({}), /not signed by the control plane/)
    await refuses(
      forgeToken(
        { ...eddsa, kid: 'x', jwk: other.publicKey.export({ format: 'jwk' }) },
        claims,
        (text) => sign(null, Buffer.from(text), other.privateKey),
      ),
      /not signed by the control plane/,
    )
    const another = /another algorithm than EdDSA/
    await refuses(
      forgeToken({ alg: 'none' }, claims, () => Buffer.alloc(0)),
      another,
    )
    await refuses(
      forgeToken({ alg: 'None' }, claims, () => Buffer.alloc(0)),
      another,
    )
    for (const secret of [raw, pem, signer.keys.current])
      await refuses(forgeToken({ alg: 'HS256' }, claims, mac(secret)), another)
    await refuses(
      forgeToken({ alg: 'RS256' }, claims, (text) => sign('sha256', Buffer.from(text), rsa)),
      another,
    )
    await refuses(forgeToken(eddsa, claims, mac(raw)), /not signed by the control plane/)
  })

  it('is refused for another node, after its end, from the future, and with claims that do not fit', async () => {
    const now = Math.floor(Date.now() / 1_000)
    await refuses(await signer.sign({ node_id: 'n_other' }), /for node "n_other", not this one/)
    await refuses(await signer.sign({ iat: now - 60, exp: now - 1 }), /has expired/)
    await refuses(await signer.sign({ iat: now + 900, exp: now + 999 }), /from the future/)
    await refuses(await signer.sign({ login: 'Root;id' }), /does not say what it must: .*login/)
    await refuses(await signer.sign({ iss: 'x' as 'plexsphere' }), /does not say what it must/)
    const { exp: _, ...endless } = aClaims()
    const token = forgeToken(eddsa, endless, (text) =>
      sign(null, Buffer.from(text), signer.privateKey),
    )
    await refuses(token, /does not say what it must: .*exp/)
  })

  it('is refused when a single character of it has changed', async () => {
    const token = await signer.sign({})
    const parts = token.split('.')
    const claimsEnd = (parts[0]?.length ?? 0) + 1 + (parts[1]?.length ?? 0)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(claimsEnd - 1),
        fc.constantFrom('A', 'z', '-', '.', '=', 'é'),
        async (at, char) => {
          fc.pre(token[at] !== char)
          await refuses(token.slice(0, at) + char + token.slice(at + 1), /session token/)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('may be any text, and is refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 300 }),
          fc
            .tuple(fc.json(), fc.json(), fc.string())
            .map((parts) => parts.map((part) => Buffer.from(part).toString('base64url')).join('.')),
        ),
        (text) => refuses(text, /session token/),
      ),
      { numRuns: 300 },
    )
    await refuses(randomBytes(40_000).toString('base64url'), /longer than 16384/)
  })
})
