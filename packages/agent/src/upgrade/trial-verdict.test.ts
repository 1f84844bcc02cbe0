import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { restartCode } from './self.ts'
import { judge, type TrialEnd } from './trial-verdict.ts'
import {
  type Candidate,
  confirmed,
  initialState,
  trialOf,
  withCandidate,
  withLack,
  withStarts,
} from './version-state.ts'

const b: Omit<Candidate, 'starts' | 'lacks'> = {
  version: '1.1.0',
  from: '1.0.0',
  execution_id: 'exec_1',
  triggered_by: {},
  asked_ms: 5,
  peers: [],
}
const chosen = withCandidate(initialState({ version: '1.0.0', path: '/usr/bin/plexd' }), b)
const started = withStarts(chosen, 1)
const trial = trialOf({ ...b, starts: 0, lacks: '' })
const works = confirmed(started, 9)

const verdict = (changes: Partial<TrialEnd>) =>
  judge({
    end: { code: 1 },
    state: started,
    trial,
    isStopping: false,
    isLate: false,
    deadlineMs: 120_000,
    maxStarts: 3,
    ...changes,
  })

describe('judge', () => {
  it('starts a version on trial again until it has ended too often, however it ends', () => {
    for (const end of [{ code: 0 }, { code: restartCode }, { signal: 'SIGSEGV' as const }])
      assert.deepEqual(verdict({ end }), { do: 'start again' })
    assert.deepEqual(verdict({ maxStarts: 1 }), {
      do: 'roll back',
      reason: 'it ended with exit code 1',
    })
    const end = { error: 'ENOENT' }
    assert.deepEqual(verdict({ end, state: withStarts(started, 1), maxStarts: 2 }), {
      do: 'roll back',
      reason: 'it could not be started: ENOENT, the last of 2 starts',
    })
  })

  it('gives up at the deadline, with what was lacking', () => {
    const state = withLack(started, 'the control plane has accepted no heartbeat')
    assert.deepEqual(verdict({ end: { signal: 'SIGKILL' }, state, isLate: true }), {
      do: 'roll back',
      reason: 'it was not healthy within 2m0s: the control plane has accepted no heartbeat',
    })
  })

  it('judges nothing by an end that was asked for', () => {
    assert.deepEqual(verdict({ end: { signal: 'SIGKILL' }, isStopping: true }), {
      do: 'stop',
      code: 137,
    })
  })

  it('ends as a version that was confirmed did, or goes on for its restart', () => {
    assert.deepEqual(verdict({ state: works, end: { code: 3 } }), { do: 'end', code: 3 })
    assert.deepEqual(verdict({ state: works, end: { code: restartCode } }), { do: 'launch' })
    assert.deepEqual(verdict({ state: works, end: { code: 0 }, isStopping: true }), {
      do: 'end',
      code: 0,
    })
  })

  it('goes on with the next version that a confirmed one has chosen, even if that was killed on the way', () => {
    const next = withCandidate(works, { ...b, version: '1.2.0', from: '1.1.0', asked_ms: 10 })
    for (const end of [{ code: restartCode }, { signal: 'SIGKILL' as const }])
      assert.deepEqual(verdict({ state: next, end, isLate: true }), { do: 'launch' })
  })
})
