import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { judgeDown } from './health.ts'

const minute = 60_000

describe('judgeDown', () => {
  it('has patience for five minutes, then says that the state is polled, and why', () => {
    const down = { error: new Error('down'), reason: 'it is down' }
    assert.deepEqual(judgeDown({ ...down, downMs: 5 * minute }), { stream: 'connecting' })
    assert.deepEqual(judgeDown({ ...down, downMs: 6 * minute }), {
      stream: 'polling',
      problem: ['stream', 'no event stream for 6 min, polling instead: it is down'],
    })
    const { problem } = judgeDown({ error: undefined, reason: '', downMs: 7 * minute })
    assert.deepEqual(
      problem?.[1],
      'no event stream for 7 min, polling instead: the server closes it',
    )
  })

  it('says at once that the node is refused, and what to type', () => {
    const error = new ApiError('unauthorized', 'unauthorized')
    const { stream, problem } = judgeDown({ error, reason: 'answered 401', downMs: 0 })
    assert.equal(stream, 'refused')
    assert.match(problem?.[1] ?? '', /\(answered 401\): .* "plexd join"$/)
  })
})
