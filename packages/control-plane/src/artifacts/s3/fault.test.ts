import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { faultOf, isNoObject } from './fault.ts'

const answer = (name: string, status: number) =>
  Object.assign(new Error('You sent canary'), { name, $metadata: { httpStatusCode: status } })

describe('faultOf', () => {
  for (const [error, why, remedy] of [
    [answer('NoSuchBucket', 404), /no such bucket \(NoSuchBucket\)/, /make it, or name another/],
    [answer('AccessDenied', 403), /it denies access/, /s3:PutObject/],
    [answer('SomethingElse', 403), /it denies access \(SomethingElse\)/, /s3:PutObject/],
    [answer('SignatureDoesNotMatch', 403), /no credentials that it accepts/, /AWS_ACCESS_KEY_ID/],
    [
      Object.assign(new Error('Could not load'), { name: 'CredentialsProviderError' }),
      /no credentials that it accepts/,
      /AWS_SHARED_CREDENTIALS_FILE/,
    ],
    [answer('PermanentRedirect', 301), /in another region/, /"region"/],
    [answer('SlowDown', 503), /it answers with status 503 \(SlowDown\)/, /whether it runs/],
    [new Error('Region is missing'), /no region is known/, /"region"/],
    [new Error('connect ECONNREFUSED'), /it does not answer: connect ECONNREFUSED/, /reached/],
  ] as const)
    it(`knows ${error.name} of "${error.message}", and what to do`, () => {
      const found = faultOf(error)
      assert.match(found.why, why)
      assert.match(found.remedy, remedy)
      assert.doesNotMatch(found.why, /canary/)
    })
})

describe('isNoObject', () => {
  it('is true of an object that is missing, and of no bucket', () => {
    assert.ok(isNoObject(answer('NoSuchKey', 404)))
    assert.ok(!isNoObject(answer('NoSuchBucket', 404)))
    assert.ok(!isNoObject(new Error('NoSuchKey')))
  })
})
