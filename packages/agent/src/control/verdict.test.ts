import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { ForeignAnswer } from './client/failure.ts'
import { judgeFailure, type Verdict } from './verdict.ts'

const foreign = (status: number) => new ForeignAnswer({ status, headers: {}, body: '<html>' })
const unknown = new ApiError('not_found', '', { details: { error: 'not found' } })

const rows: [what: string, count: number, error: unknown, verdict: Verdict][] = [
  ['no answer', 2, new Error('down'), 'stop'],
  ['a refused node', 2, new ApiError('unauthorized', ''), 'stop'],
  ['a 404 that the API did not send', 1, new ApiError('not_found', ''), 'stop'],
  ['one that is unknown there', 1, unknown, 'refuse'],
  ['too many requests', 2, new ApiError('too_many_requests', ''), 'stop'],
  ['a server that fails on it', 1, new ApiError('internal', ''), 'pass'],
  [
    'a server that asks to wait',
    1,
    new ApiError('unavailable', '', { retryAfterSeconds: 5 }),
    'stop',
  ],
  ['a bad one', 1, new ApiError('bad_request', ''), 'refuse'],
  ['several of which one is bad', 2, new ApiError('bad_request', ''), 'halve'],
  ['too much at a time', 2, new ApiError('payload_too_large', ''), 'halve'],
  ['one that is too large', 1, new ApiError('payload_too_large', ''), 'refuse'],
  ['too much for a proxy', 2, foreign(413), 'halve'],
  ['one too large for a proxy', 1, foreign(413), 'pass'],
  ['a page in between', 2, foreign(403), 'pass'],
]

describe('judgeFailure', () => {
  for (const [what, count, error, verdict] of rows)
    it(`knows what to do about ${what}`, () => assert.equal(judgeFailure(count, error), verdict))
})
