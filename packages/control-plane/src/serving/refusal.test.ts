import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Environment } from '../app.ts'
import type { Relaying } from '../http/connections/proxies/proxy-header.ts'
import { isEnding, refusalOf } from './refusal.ts'

type Asked = Parameters<typeof refusalOf>[1]

const asked = (operationName: string, passedOnBy?: Relaying) =>
  ({
    routeOptions: { config: { operationName } },
    raw: { socket: { passedOnBy } },
  }) as unknown as Asked // all that is read of it

const state = (isDraining: boolean, why?: ReturnType<Environment['notServing']>) => ({
  isDraining: () => isDraining,
  notServing: () => why,
  waitsFor: () => 'cp1',
})

describe('whether a way is one for new connections', () => {
  for (const [title, isDraining, by, words] of [
    ['serves', false, undefined, undefined],
    ['drains', true, undefined, 'draining: the control plane ends soon, and still serves'],
    ['drains, by another one', true, 'staying', undefined],
    [
      'serves, by another one that drains',
      false,
      'draining',
      'draining: the control plane that passed this on ends soon',
    ],
  ] as const)
    it(`is said by one that ${title}`, () => {
      assert.equal(refusalOf(state(isDraining), asked('readyz', by)), words)
      assert.equal(refusalOf(state(isDraining), asked('healthz', by)), undefined)
      assert.equal(refusalOf(state(isDraining), asked('getState', by)), undefined)
      assert.equal(
        isEnding(state(isDraining), asked('getState', by)),
        isDraining || by === 'draining',
      )
    })

  it('is said by one that waits and drains, where it answers itself', () => {
    const waits = state(true, 'waiting')
    const words = 'draining: the control plane ends soon, cp1 serves'
    assert.equal(refusalOf(waits, asked('readyz')), words)
    assert.equal(refusalOf(waits, asked('healthz')), undefined)
    assert.equal(refusalOf(state(false, 'waiting'), asked('readyz')), 'waiting: cp1 serves')
  })
})
