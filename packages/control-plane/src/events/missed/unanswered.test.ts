import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UnansweredEvent } from '../../rows/log/events.ts'
import { createUnanswered } from './unanswered.ts'

describe('createUnanswered', () => {
  it('reads at once for the first, and once for all that come meanwhile', async () => {
    const { unanswered, reads } = setUp()
    const first = unanswered('n_1')
    const others = ['n_2', 'n_3', 'n_2'].map(unanswered)
    assert.deepEqual(seqsOf(await first), [1])
    assert.deepEqual((await Promise.all(others)).map(seqsOf), [[2, 12], [], [2, 12]])
    assert.deepEqual(reads, [['n_1'], ['n_2', 'n_3']])
    assert.deepEqual(seqsOf(await unanswered('n_1')), [1])
    assert.equal(reads.length, 3)
  })

  it('reads again for who comes during a read for the same node', async () => {
    const { unanswered, reads } = setUp()
    await Promise.all([unanswered('n_1'), unanswered('n_1')])
    assert.deepEqual(reads, [['n_1'], ['n_1']])
  })

  it('reads for a whole fleet in pieces', async () => {
    const { unanswered, reads } = setUp()
    await Promise.all(Array.from({ length: 1_000 }, (_, at) => unanswered(`n_${at}`)))
    assert.deepEqual(
      reads.map(({ length }) => length),
      [1, 256, 256, 256, 231],
    )
  })

  it('tells those whose read has failed, and goes on', async () => {
    const { unanswered, broken } = setUp()
    broken.add('n_2')
    const all = await Promise.allSettled(['n_1', 'n_2', 'n_3'].map(unanswered))
    assert.deepEqual(
      all.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    )
    broken.clear()
    assert.deepEqual(seqsOf(await unanswered('n_2')), [2, 12])
  })
})

function setUp() {
  const reads: (readonly string[])[] = []
  const broken = new Set<string>()
  const events = [anEvent(1, 'n_1'), anEvent(2, 'n_2'), anEvent(12, 'n_2')]
  const unanswered = createUnanswered(async (nodeIds) => {
    reads.push(nodeIds)
    await Promise.resolve()
    if (nodeIds.some((id) => broken.has(id))) throw new Error('the database is away')
    return events.filter(({ node_id }) => nodeIds.includes(node_id))
  })
  return { unanswered, reads, broken }
}

function anEvent(seq: number, node_id: string): UnansweredEvent {
  const rest = { event_type: 'action_request', payload: '{}', created_at: 1 } as const
  return { ...rest, seq, node_id, event_id: `evt_${seq}` }
}

const seqsOf = (events: readonly UnansweredEvent[]): number[] => events.map(({ seq }) => seq)
