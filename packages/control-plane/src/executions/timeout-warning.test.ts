import assert from 'node:assert/strict'
import { it } from 'node:test'
import { timeoutWarnings } from './timeout-warning.ts'

it('warns of a timeout that the node caps, if it says so', () => {
  const warning =
    'the node ends it after 10m0s, which is its "actions.max_timeout", and not after 1h0m0s'
  assert.deepEqual(timeoutWarnings('1h0m0s', { max_timeout: '10m0s' }), [warning])
  for (const max_timeout of ['1h0m0s', '24h', 'soon', '', undefined])
    assert.deepEqual(
      timeoutWarnings('1h0m0s', max_timeout === undefined ? {} : { max_timeout }),
      [],
    )
})
