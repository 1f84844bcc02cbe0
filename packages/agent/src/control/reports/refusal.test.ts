import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { ForeignAnswer } from '../client/failure.ts'
import { judgeRefusal } from './refusal.ts'

const one = [{ key: 'a' }]
const two = [{ key: 'a' }, { key: 'b' }]
const proxy = new ForeignAnswer({ status: 413, headers: {}, body: '' })
const conflict = (key: string) =>
  new ApiError('conflict', 'version conflict', { details: { conflicts: [{ key, version: 7 }] } })

const rows: [what: string, batch: { key: string }[], error: unknown, todo: unknown][] = [
  ['no answer', one, new Error('down'), { todo: 'retry' }],
  ['an answer about the node', one, new ApiError('unauthorized', ''), { todo: 'retry' }],
  ['an answer about the time', two, new ApiError('too_many_requests', ''), { todo: 'retry' }],
  ['too much for a proxy', two, proxy, { todo: 'halve' }],
  ['one too much for a proxy', one, proxy, { todo: 'retry' }],
  ['several of which one is bad', two, new ApiError('bad_request', ''), { todo: 'halve' }],
  ['a bad one', one, new ApiError('bad_request', ''), { todo: 'set aside' }],
  ['one that cannot be sent', one, new RangeError('too deep'), { todo: 'set aside' }],
  ['a conflict', two, conflict('b'), { todo: 'raise', of: [{ key: 'b', version: 7 }] }],
  ['a conflict of another key', one, conflict('b'), { todo: 'set aside' }],
]

describe('judgeRefusal', () => {
  for (const [what, batch, error, todo] of rows)
    it(`knows what to do about ${what}`, () => assert.deepEqual(judgeRefusal(batch, error), todo))
})
