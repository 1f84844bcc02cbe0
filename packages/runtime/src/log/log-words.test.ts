import assert from 'node:assert/strict'
import { it } from 'node:test'
import { lineForPeople } from './log-words.ts'

it('a line for people says what went wrong, then what else is known, and nothing that drives a terminal', () => {
  const line = { level: 'warn', time: 'T', name: 'plexd', msg: 'registration failed, will retry' }
  assert.equal(lineForPeople(JSON.stringify(line)), 'plexd: registration failed, will retry')
  const more = { ...line, error: 'connect to "https://cp": refused\u001b[2J', retry_in_ms: 1000 }
  assert.equal(
    lineForPeople(JSON.stringify(more)),
    'plexd: registration failed, will retry: connect to "https://cp": refused?[2J (retry_in_ms=1000)',
  )
})
