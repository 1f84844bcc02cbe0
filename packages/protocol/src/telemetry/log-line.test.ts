import assert from 'node:assert/strict'
import { it } from 'node:test'
import { logLine, logWords } from './log-line.ts'

it('logLine has the message, then the fields, each value as one word', () => {
  const fields = { node_id: 'n_web', path: '/a b', count: 3, none: null, list: [1, { a: 'b' }] }
  assert.equal(
    logLine({ message: 'peer added', fields }),
    'peer added node_id=n_web path="/a b" count=3 none=null list=[1,{"a":"b"}]',
  )
  assert.equal(logLine({ message: 'plain' }), 'plain')
})

it('logWords has what is in quotes also as it is', () => {
  assert.equal(
    logWords({ message: 'x', fields: { q: 'say "hi"' } }),
    'x q="say \\"hi\\""\nsay "hi"',
  )
})
