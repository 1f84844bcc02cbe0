import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeAudience } from '../../rows/log/audience.ts'
import type { LoggedEvent } from '../../rows/log/events.ts'
import { createRecentEvents, type RecentEvents } from './recent.ts'

/** Room for three, of which one is long. */
const limits = { events: 3, size: 3 * 8 + 2 * 2 + 26 }

describe('createRecentEvents', () => {
  it('knows what is for a node after a sequence', () => {
    const recent = createRecentEvents(
      stored(anEvent(4, 1), anEvent(5, 2), anEvent(7, 1)),
      8,
      limits,
    )
    assert.deepEqual(seqsOf(recent, 1, 3), [4, 7])
    assert.deepEqual(seqsOf(recent, 1, 4), [7])
    assert.deepEqual(seqsOf(recent, 3, 3), [])
    assert.equal(recent.of(1, 3)?.lastSeq, 8)
  })

  it('does not know what came before the first of them', () => {
    const recent = createRecentEvents(stored(anEvent(4, 1)), 4, limits)
    assert.equal(seqsOf(recent, 1, 2), undefined)
  })

  it('knows of an empty log that nothing came since', () => {
    const recent = createRecentEvents([], 9, limits)
    assert.deepEqual(seqsOf(recent, 1, 9), [])
    assert.equal(seqsOf(recent, 1, 8), undefined)
  })

  it('follows, and keeps so many events and so much at most', () => {
    const recent = createRecentEvents(
      stored(anEvent(1, 1), anEvent(2, 1), anEvent(3, 1)),
      3,
      limits,
    )
    recent.follow({ changes: [], events: [anEvent(4, 1)], lastSeq: 4 })
    assert.deepEqual([seqsOf(recent, 1, 0), seqsOf(recent, 1, 1)], [undefined, [2, 3, 4]])
    recent.follow({ changes: [], events: [anEvent(5, 1, 'x'.repeat(26))], lastSeq: 6 })
    assert.deepEqual([seqsOf(recent, 1, 1), seqsOf(recent, 1, 2)], [undefined, [3, 4, 5]])
    assert.equal(recent.of(1, 4)?.lastSeq, 6)
    recent.follow({ changes: [], events: [anEvent(7, 1, 'x'.repeat(47))], lastSeq: 7 })
    assert.equal(seqsOf(recent, 1, 6), undefined)
  })
})

function stored(...events: LoggedEvent[]) {
  return events.map((event) => ({ ...event, audience: encodeAudience(event.audience) }))
}

function seqsOf(recent: RecentEvents, no: number, afterSeq: number): number[] | undefined {
  return recent.of(no, afterSeq)?.events.map(({ seq }) => seq)
}

function anEvent(seq: number, no: number, payload = '{}'): LoggedEvent {
  return {
    seq,
    event_id: `e_${seq}`,
    event_type: 'node_state_updated',
    payload,
    created_at: 0,
    audience: Uint32Array.of(no),
  }
}
