import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ExecutionStatus, hasEnded } from '@plexd/protocol'
import type { StoredExecution } from '../rows/executions/executions.ts'
import { transitions } from './states.ts'
import { acknowledge, cancel, deadlineGraceMs, finish, passDeadline } from './transitions.ts'

const nowMs = Date.UTC(2025, 0, 15, 10, 30)
const at = { nowMs, timeoutMs: 10_000, queuedMs: 3_600_000 }
const accepted = { execution_id: 'exec_a', status: 'accepted' as const, reason: '' }
const rejected = { ...accepted, status: 'rejected' as const, reason: 'unknown_action' }
const result = {
  status: 'success' as const,
  exit_code: 0,
  stdout: 'ok',
  stderr: '',
  duration: '2.34s',
  finished_at: '2025-01-15T10:30:02Z',
}

const ended = Object.keys(transitions)
  .map((status) => status as ExecutionStatus) // keys of the table
  .filter(hasEnded)

describe('acknowledge', () => {
  it('gives an accepted action its timeout from now on', () => {
    assert.deepEqual(acknowledge(aRow({}), accepted, at), {
      status: 'accepted',
      acked_at: nowMs,
      deadline_at: nowMs + 10_000 + deadlineGraceMs,
    })
  })

  it('ends a rejected action with its reason', () => {
    assert.deepEqual(acknowledge(aRow({}), rejected, at), {
      status: 'rejected',
      reason: 'unknown_action',
      acked_at: nowMs,
      finished_at: nowMs,
    })
  })

  it('takes a repeat for what it is', () => {
    assert.equal(acknowledge(aRow({ status: 'accepted', acked_at: 1 }), accepted, at), undefined)
    assert.equal(acknowledge(aRow({ status: 'rejected', acked_at: 1 }), rejected, at), undefined)
  })

  it('takes one that comes behind the result or the deadline, and changes no status', () => {
    assert.equal(acknowledge(aRow({ status: 'success', acked_at: 1 }), accepted, at), undefined)
    assert.deepEqual(acknowledge(aRow({ status: 'expired' }), accepted, at), { acked_at: nowMs })
    assert.deepEqual(acknowledge(aRow({ status: 'expired' }), rejected, at), { acked_at: nowMs })
  })

  it('refuses one that contradicts what was said before', () => {
    assert.throws(() => acknowledge(aRow({ status: 'accepted' }), rejected, at), { status: 409 })
    assert.throws(() => acknowledge(aRow({ status: 'rejected' }), accepted, at), { status: 409 })
    assert.throws(() => acknowledge(aRow({ status: 'success' }), rejected, at), { status: 409 })
  })
})

describe('acknowledge, for want of room', () => {
  const noRoom = { ...rejected, reason: 'max_concurrent_reached' }

  it('puts it back, with the time that it may wait', () => {
    const held = { status: 'queued', reason: noRoom.reason, held_until: nowMs + 5_000 }
    for (const status of ['pending', 'queued'] as const)
      assert.deepEqual(acknowledge(aRow({ status }), noRoom, at), {
        ...held,
        deadline_at: nowMs + at.queuedMs,
      })
    const expires_at = nowMs + 60_000
    assert.equal(acknowledge(aRow({ expires_at }), noRoom, at)?.deadline_at, expires_at)
  })

  it('contradicts that it runs, or has run', () => {
    for (const status of ['accepted', 'success'] as const)
      assert.throws(() => acknowledge(aRow({ status }), noRoom, at), { status: 409 })
  })
})

describe('cancel', () => {
  it('ends what the node has not accepted, and asks once for the end of what it has', () => {
    for (const status of ['queued', 'pending'] as const)
      assert.equal(cancel(aRow({ status }), nowMs)?.status, 'cancelled')
    assert.deepEqual(cancel(aRow({ status: 'accepted' }), nowMs), { cancel_requested_at: nowMs })
    assert.equal(cancel(aRow({ status: 'accepted', cancel_requested_at: 1 }), nowMs), undefined)
  })

  it('refuses what has ended', () => {
    for (const status of ended)
      assert.throws(() => cancel(aRow({ status }), nowMs), {
        status: 409,
        message: `execution "exec_a" has ended: it is ${status}`,
      })
  })
})

describe('passDeadline', () => {
  it('ends as expired what was not accepted, as lost what was, and nothing twice', () => {
    const of = (status: ExecutionStatus) => passDeadline(aRow({ status }), nowMs)?.status
    assert.deepEqual(
      ['queued', 'pending', 'accepted'].map((status) => of(status as 'queued')),
      ['expired', 'expired', 'lost'],
    )
    for (const status of ended) assert.equal(of(status), undefined)
  })
})

describe('finish', () => {
  it('says that it came late when it had ended', () => {
    for (const status of ['expired', 'lost', 'cancelled'] as const)
      assert.equal(finish(aRow({ status }), result, nowMs)?.late, true)
    for (const status of ['queued', 'pending', 'accepted'] as const)
      assert.equal(finish(aRow({ status }), result, nowMs)?.late, false)
  })

  it("keeps the node's word beside ours", () => {
    for (const word of ['failed', 'error', 'failure'] as const) {
      const change = finish(aRow({ status: 'accepted' }), { ...result, status: word }, nowMs)
      assert.deepEqual([change?.status, change?.raw_status], ['failure', word])
    }
  })

  it('believes the node when it finished, unless it says nothing', () => {
    assert.equal(finish(aRow({}), result, nowMs + 5_000)?.finished_at, nowMs + 2_000)
    const zero = { ...result, finished_at: '0001-01-01T00:00:00Z' }
    assert.equal(finish(aRow({}), zero, nowMs)?.finished_at, nowMs)
  })

  it('takes nothing for finished that is yet to come', () => {
    // The second is of the year 10000, which RFC 3339 cannot write.
    for (const finished_at of ['2025-01-15T10:31:00Z', '9999-12-31T23:59:59-23:59'])
      assert.equal(finish(aRow({}), { ...result, finished_at }, nowMs)?.finished_at, nowMs)
  })

  it('takes a result without an acknowledgement, and one behind the deadline', () => {
    assert.equal(finish(aRow({}), result, nowMs)?.acked_at, nowMs)
    assert.equal(finish(aRow({ status: 'expired' }), result, nowMs)?.status, 'success')
  })

  it('takes the same result again, and refuses another', () => {
    const digest = finish(aRow({}), result, nowMs)?.result_digest ?? ''
    const done = aRow({ status: 'success', result_digest: digest })
    assert.equal(finish(done, { ...result, execution_id: 'exec_a' }, nowMs), undefined)
    assert.throws(() => finish(done, { ...result, exit_code: 1 }, nowMs), { status: 409 })
  })

  it('refuses a result of what was rejected', () => {
    assert.throws(() => finish(aRow({ status: 'rejected' }), result, nowMs), { status: 409 })
  })
})

function aRow(parts: Partial<StoredExecution>): StoredExecution {
  return {
    id: 'exec_a',
    tenant_id: 'ten_a',
    node_id: 'n_web',
    action: 'system.info',
    type: 'builtin',
    parameters: {},
    checksum: null,
    timeout: '10s',
    status: 'pending',
    reason: '',
    exit_code: null,
    stdout: '',
    stderr: '',
    duration: '',
    raw_status: null,
    triggered_by: { type: 'control_plane', session_id: '', user_id: '', email: '' },
    result_digest: null,
    event_seq: 1,
    created_at: nowMs,
    deadline_at: nowMs + 40_000,
    expires_at: null,
    held_until: null,
    sent_at: nowMs,
    acked_at: null,
    cancel_requested_at: null,
    cancel_seq: null,
    late: false,
    finished_at: null,
    ...parts,
  }
}
