import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { createSecretCover } from './secret-forms.ts'

describe('createSecretCover', () => {
  it('finds a secret however it is encoded, alone or amid other bytes', () => {
    for (let turn = 0; turn < 200; turn++) {
      const secret = `${randomBytes(12).toString('base64')}"\\ü`
      const cover = createSecretCover([secret, 'another-one'])
      const bytes = Buffer.from(secret)
      for (let before = 0; before < 3; before++) {
        const amid = Buffer.concat([randomBytes(before), bytes, randomBytes(turn % 4)])
        for (const encoding of ['hex', 'base64', 'base64url'] as const) {
          const left = cover(`x ${amid.toString(encoding)} y`)
          assert.match(left, /^x .*\[redacted\].* y$/, `${secret} in ${encoding} behind ${before}`)
        }
      }
      for (const text of [secret, JSON.stringify(secret), encodeURIComponent(secret)])
        assert.match(cover(text), /^"?\[redacted\]"?$/)
    }
  })

  it('takes as long for thousands of secrets as for one', () => {
    const secrets = Array.from({ length: 5_000 }, () => randomBytes(32).toString('base64'))
    const text = `${'nothing of interest '.repeat(50_000)}${secrets[4_321]}`
    assert.match(createSecretCover(secrets)(text), /interest \[redacted\]$/)
  })

  it('leaves the longer of two whole out, and text without secrets as it is', () => {
    assert.equal(createSecretCover(['abcdef', 'abcdefgh'])('x abcdefgh y'), 'x [redacted] y')
    assert.equal(createSecretCover(['short'])('a short text'), 'a short text')
    assert.equal(createSecretCover([])('a text'), 'a text')
  })
})
