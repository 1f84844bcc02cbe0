import assert from 'node:assert/strict'
import { it } from 'node:test'
import { newWebhookSecret, signedHeaders } from './signature.ts'

it('signs as the libraries of Standard Webhooks do', () => {
  // From their tests: github.com/standard-webhooks/standard-webhooks/libraries.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
  assert.deepEqual(
    signedHeaders([secret], { id, body: '{"test": 2432232314}', nowMs: 1_614_265_330_999 }),
    {
      'webhook-id': id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
  )
  const both = signedHeaders([newWebhookSecret(), secret], { id, body: '', nowMs: 0 })
  assert.match(both['webhook-signature'] ?? '', /^v1,[\w+/]{43}= v1,[\w+/]{43}=$/)
})
