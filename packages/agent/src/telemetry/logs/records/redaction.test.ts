import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createKeyLines, createRedaction } from './redaction.ts'

describe('createRedaction', () => {
  it('takes out credentials, own patterns and the secrets of plexd', async () => {
    const redact = await createRedaction(['card=\\d+', '(?i)iban \\w+'], () => ['s3cr3t-value'])
    assert.equal(
      redact('a password=x card=12 IBAN de12 s3cr3t-value', 'web'),
      'a password=[redacted] [redacted] [redacted] [redacted]',
    )
  })

  it('refuses a pattern that backtracks, in words', async () => {
    await assert.rejects(
      createRedaction(['(?=a)b'], () => []),
      {
        message: /^logs.redact: "\(\?=a\)b" cannot be used: error parsing regexp: .*Perl syntax/,
      },
    )
  })

  it('takes time in proportion to the text, whatever both are', async () => {
    const redact = await createRedaction(['(x+x+)+y', '(.*a){8}b'], () => [])
    const texts = ['x', 'a.', 'a', '\\', '://', '"password"', 'token ', 'key=\\"', '-----BEGIN ']
    const startMs = performance.now()
    for (const text of texts) redact(`token ${text.repeat(16_384 / text.length)}`, 'web')
    assert.ok(performance.now() - startMs < 3_000, `${performance.now() - startMs} ms`)
  })
})

it('createKeyLines takes out a private key whose lines are texts of their own', () => {
  const redact = createKeyLines()
  const line = 'MIIEpAIBAAKCAQEAx7rq5ZKcTnB3o9fHkPmYtQ0vJdYyQ1yJ4c2s8b9Wn1aZ0Lqe'
  const begin = '-----BEGIN RSA PRIVATE KEY-----'
  assert.equal(redact(line, 'web'), line)
  redact(begin, 'web')
  assert.equal(redact(line, 'db'), line)
  assert.equal(redact(`web-01 app: ${line}`, 'web'), 'web-01 app: [redacted]')
  assert.equal(redact('aZ0=', 'web'), '[redacted]')
  assert.equal(redact('still started', 'web'), 'still started')
  redact('-----END RSA PRIVATE KEY-----', 'web')
  assert.equal(redact(line, 'web'), line)
  redact(`${begin} x -----END RSA PRIVATE KEY-----`, 'web')
  assert.equal(redact(line, 'web'), line)
})
