import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findAction } from './find-action.ts'

const capabilities = {
  builtin_actions: [{ name: 'system.info' }],
  hooks: [
    { name: 'backup', checksum: 'ab12' },
    { name: 'hooks/restore', checksum: 'sha256:cd34' },
  ],
}

describe('findAction', () => {
  it('tells builtin actions from hooks, and passes the checksum on as it was announced', () => {
    assert.deepEqual(findAction('system.info', capabilities), {
      name: 'system.info',
      type: 'builtin',
    })
    assert.deepEqual(findAction('backup', capabilities), {
      name: 'backup',
      type: 'hook',
      checksum: 'ab12',
    })
  })

  it('finds a hook with and without its prefix, under the name that the node knows', () => {
    assert.equal(findAction('hooks/backup', capabilities).name, 'backup')
    assert.equal(findAction('restore', capabilities).name, 'hooks/restore')
  })

  it('knows how long an action says that it may run, if that is a duration', () => {
    const timeouts = { '5m0s': 300_000, '9000h': 86_400_000, soon: undefined, '-1s': undefined }
    for (const [timeout, timeoutMs] of Object.entries(timeouts))
      for (const type of ['hooks', 'builtin_actions'])
        assert.equal(findAction('a', { [type]: [{ name: 'a', timeout }] }).timeoutMs, timeoutMs)
  })

  it('names what the node can do when it cannot do this', () => {
    assert.throws(() => findAction('system.nifo', capabilities), {
      code: 'bad_request',
      message:
        'the node knows no action "system.nifo": it knows backup, hooks/restore, system.info',
    })
    assert.throws(() => findAction('hooks/system.info', capabilities), { code: 'bad_request' })
  })

  it('finds nothing for a node that announced nothing, which nobody would answer', () => {
    for (const nothing of [null, {}, { builtin_actions: null, hooks: [] }])
      assert.throws(() => findAction('hooks/x', nothing), {
        code: 'conflict',
        message: /announced no action/,
      })
  })
})
