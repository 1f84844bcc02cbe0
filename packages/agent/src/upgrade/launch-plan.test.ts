import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { planLaunch, type Starting } from './launch-plan.ts'
import {
  type Candidate,
  confirmed,
  initialState,
  rolledBack,
  trialOf,
  type VersionState,
  withCandidate,
  withStarts,
} from './version-state.ts'

const packaged = { version: '1.0.0', path: '/usr/bin/plexd' }
const fileOf = (version: string): string => `/data/versions/${version}/plexd`
const chosen: Omit<Candidate, 'starts' | 'lacks'> = {
  version: '1.1.0',
  from: '1.0.0',
  execution_id: 'exec_1',
  triggered_by: {},
  asked_ms: 5,
  peers: [],
}
const onTrial = withCandidate(initialState(packaged), chosen)
const upgraded = confirmed(onTrial, 9)

function plan(state: VersionState | undefined, changes: Partial<Starting> = {}) {
  return planLaunch({
    state,
    self: { ...packaged, isPackaged: true },
    trial: undefined,
    maxStarts: 3,
    nowMs: 10,
    fileOf,
    has: () => true,
    ...changes,
  })
}

const selfAs = (version: string) => ({ version, path: fileOf(version), isPackaged: false })

describe('planLaunch', () => {
  it('runs the packaged file where nothing was upgraded', () => {
    assert.deepEqual(plan(undefined), { do: 'run' })
    assert.deepEqual(plan(initialState(packaged)), { do: 'run' })
  })

  it('goes on as the version that was confirmed', () => {
    assert.deepEqual(plan(upgraded), { do: 'replace', file: fileOf('1.1.0') })
    assert.deepEqual(plan(upgraded, { self: selfAs('1.1.0') }), { do: 'run' })
  })

  it('watches a new version from outside, whoever starts it', () => {
    for (const self of [undefined, selfAs('1.1.0')])
      assert.deepEqual(plan(onTrial, self ? { self, trial: 'of another time' } : {}), {
        do: 'supervise',
        file: fileOf('1.1.0'),
        state: onTrial,
      })
  })

  it('runs a new version as itself when it is on trial', () => {
    const trial = trialOf({ ...chosen, starts: 1, lacks: '' })
    assert.deepEqual(plan(onTrial, { self: selfAs('1.1.0'), trial }), { do: 'run' })
  })

  it('rolls back what was started too often, as after three power cuts', () => {
    const tired = withStarts(withStarts(withStarts(onTrial, 1), 1), 1)
    const step = plan(tired)
    assert.equal(step.do, 'change')
    assert.deepEqual(step.do === 'change' && step.state.outcome, {
      version: '1.1.0',
      from: '1.0.0',
      execution_id: 'exec_1',
      triggered_by: {},
      asked_ms: 5,
      status: 'rolled_back',
      reason: 'it was started 3 times and never got well',
      ended_ms: 10,
    })
  })

  it('prefers a package that was installed since', () => {
    const self = { version: '1.2.0', path: packaged.path, isPackaged: true }
    for (const state of [onTrial, upgraded]) {
      const step = plan(state, { self })
      assert.equal(step.do, 'change')
      assert.deepEqual(step.do === 'change' && plan(step.state, { self }), { do: 'run' })
    }
  })

  it('goes on as a version that is newer than a package that comes, unless that is older than the one before', () => {
    const packageOf = (version: string) => ({ version, path: packaged.path, isPackaged: true })
    const step = plan(upgraded, { self: packageOf('1.0.5') })
    assert.equal(step.do, 'change')
    assert.deepEqual(step.do === 'change' && plan(step.state, { self: packageOf('1.0.5') }), {
      do: 'replace',
      file: fileOf('1.1.0'),
    })
    const back = plan(upgraded, { self: packageOf('0.9.0') })
    assert.deepEqual(back.do === 'change' && plan(back.state, { self: packageOf('0.9.0') }), {
      do: 'run',
    })
  })

  it('falls back to the version before when a file is gone', () => {
    const twice = confirmed(
      withCandidate(upgraded, { ...chosen, version: '1.2.0', from: '1.1.0' }),
      9,
    )
    const has = (version: string): boolean => version === '1.1.0'
    const step = plan(twice, { has })
    assert.equal(step.do, 'change')
    assert.deepEqual(step.do === 'change' && plan(step.state, { has }), {
      do: 'replace',
      file: fileOf('1.1.0'),
    })
  })

  it('ends at one version that can run after a few steps, whatever the state and the files are', () => {
    const versions = fc.constantFrom('1.0.0', '1.1.0', '1.2.0')
    const named = fc.option(versions, { nil: null })
    fc.assert(
      fc.property(
        named,
        named,
        fc.option(fc.tuple(versions, fc.nat(4)), { nil: undefined }),
        fc.subarray(['1.0.0', '1.1.0', '1.2.0']),
        fc.constantFrom('1.0.0', '1.2.0'),
        (current, previous, candidate, there, ownVersion) => {
          let state: VersionState = { packaged, current, previous }
          if (candidate) {
            state = withCandidate(state, { ...chosen, version: candidate[0] })
            for (let start = 0; start < candidate[1]; start++) state = withStarts(state, 1)
          }
          const self = { version: ownVersion, path: packaged.path, isPackaged: true }
          const has = (version: string): boolean => there.includes(version)
          for (let step = 0; step < 6; step++) {
            const next = plan(state, { self, has })
            if (next.do === 'run') return true
            if (next.do === 'replace') return there.some((version) => fileOf(version) === next.file)
            if (next.do === 'change') state = next.state
            // It always fails here.
            if (next.do === 'supervise') state = rolledBack(next.state, 'it ended', 11)
          }
          return false
        },
      ),
    )
  })
})
