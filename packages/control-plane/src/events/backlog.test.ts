import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EventType } from '@plexd/protocol'
import type { LoggedEvent } from '../rows/log/events.ts'
import { type Backlog, isFull, nextStep, overflown, withEvent } from './backlog.ts'

const empty: Backlog = { queue: [], behind: false, missed: undefined }

describe('the backlog of a reader', () => {
  it('sends what is queued, sixteen at a time, and then nothing', () => {
    const first = nextStep(queued(20))
    assert.ok(first?.type === 'send')
    assert.deepEqual(seqs(first.events), range(1, 16))
    const second = nextStep(first.rest)
    assert.ok(second?.type === 'send')
    assert.deepEqual(seqs(second.events), range(17, 20))
    assert.equal(nextStep(second.rest), undefined)
  })

  it('reads the log before anything else, and queues nothing until it does', () => {
    const behind = { ...empty, behind: true }
    assert.equal(withEvent(behind, anEvent(1)), behind)
    assert.equal(overflown(behind, anEvent(1), 0), behind)
    assert.deepEqual(nextStep(behind), { type: 'read the log', rest: empty })
  })

  it('is a pull when it is full of what a state makes up for, and the last event counts', () => {
    const full = queued(64)
    assert.ok(isFull(full))
    const missed = overflown(full, anEvent(65), 5)
    assert.deepEqual(missed, { ...empty, missed: { seq: 65, atMs: 5 } })
    assert.ok(isFull(missed))
    assert.deepEqual(overflown(missed, anEvent(66), 7).missed, { seq: 66, atMs: 7 })
    assert.deepEqual(nextStep(missed), { type: 'tell to pull', sinceMs: 5 })
  })

  it('is read from the log when no state makes up for all, or the reader takes no pull', () => {
    const behind = { ...empty, behind: true }
    assert.deepEqual(overflown(queued(64), anEvent(65, 'rotate_keys'), 5), behind)
    assert.deepEqual(overflown(queued(64), anEvent(65), undefined), behind)
    const missed = { ...empty, missed: { seq: 9, atMs: 5 } }
    assert.deepEqual(overflown(missed, anEvent(10, 'rotate_keys'), 6), behind)
  })

  it('sends a costly event all the same beside one that no state makes up for, while there is room', () => {
    const mixed = withEvent(queued(2), anEvent(3, 'rotate_keys'))
    assert.deepEqual(seqs(overflown(mixed, anEvent(4), 5).queue), range(1, 4))
  })
})

function queued(count: number): Backlog {
  return range(1, count).reduce((backlog, seq) => withEvent(backlog, anEvent(seq)), empty)
}

function anEvent(seq: number, event_type: EventType = 'peer_removed'): LoggedEvent {
  return {
    seq,
    event_id: `evt_${seq}`,
    event_type,
    payload: '{}',
    created_at: 0,
    audience: Uint32Array.of(1),
  }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function seqs(events: readonly { seq: number }[]): number[] {
  return events.map(({ seq }) => seq)
}
