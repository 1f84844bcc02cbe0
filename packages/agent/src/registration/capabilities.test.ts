import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Action } from '../actions/define.ts'
import { describeCapabilities } from './capabilities.ts'

const common = { description: '', parameters: [], prepare: () => async () => assert.fail() }
const upgrade: Action = { ...common, type: 'builtin', name: 'service.upgrade', timeoutMs: 600_000 }
const backup: Action = { ...common, type: 'hook', name: 'backup', timeoutMs: 90_000 }

describe('describeCapabilities', () => {
  it('says how long each action may run, which is else taken for 30 s, and any of them', () => {
    const limits = { maxConcurrent: 5, maxActionMs: 3_600_000 }
    const { builtin_actions, hooks, max_timeout } = describeCapabilities(
      {},
      { actions: [upgrade, backup], ...limits, sessions: undefined },
    )
    assert.equal(max_timeout, '1h0m0s')
    assert.deepEqual(
      [...(builtin_actions ?? []), ...(hooks ?? [])].map(({ name, timeout }) => [name, timeout]),
      [
        ['service.upgrade', '10m0s'],
        ['backup', '1m30s'],
      ],
    )
  })
})
