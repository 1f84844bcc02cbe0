import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { allowsAction, type NamedAction } from './action-pattern.ts'

const restart: NamedAction = { type: 'builtin', name: 'service.restart' }
const backup: NamedAction = { type: 'hook', name: 'backup' }

describe('allowsAction', () => {
  it('takes a name, a namespace, all hooks, or everything', () => {
    const cases: [pattern: string, builtin: boolean, hook: boolean][] = [
      ['*', true, true],
      ['service.*', true, false],
      ['service.restart', true, false],
      ['hooks/*', false, true],
      ['hooks/backup', false, true],
      ['backup', false, true],
      ['servic*', false, false],
      ['service', false, false],
      ['service.', false, false],
      ['*.restart', false, false],
      ['.*', false, false],
      ['*.*', false, false],
      ['hooks/', false, false],
      ['hooks/back*', false, false],
      ['', false, false],
    ]
    for (const [pattern, builtin, hook] of cases) {
      assert.equal(allowsAction([pattern], restart), builtin, pattern)
      assert.equal(allowsAction([pattern], backup), hook, pattern)
    }
  })

  it('gives no hook by the namespace of built-in actions, and no built-in action as a hook', () => {
    assert.ok(!allowsAction(['service.*'], { type: 'hook', name: 'service.evil' }))
    assert.ok(!allowsAction(['hooks/service.restart'], restart))
    assert.ok(!allowsAction(['service.*'], { type: 'builtin', name: 'services.restart' }))
  })

  it('is allowed by any of several, and by none of none', () => {
    assert.ok(allowsAction(['mesh.*', 'service.restart'], restart))
    assert.ok(!allowsAction([], restart))
  })
})
