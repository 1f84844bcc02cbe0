import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HookStatus } from '@plexd/protocol'
import { formatHooks } from './hooks.ts'

const hook: HookStatus = {
  name: 'backup',
  path: '/etc/plexd/hooks.d/backup',
  state: 'ready',
  reason: '',
  description: '',
  parameters: [
    { name: 'target', type: 'string', required: true },
    { name: 'compress', type: 'bool', required: false },
  ],
  timeout: '30s',
  user: '',
  sandbox: 'none',
  announced_checksum: `sha256:${'a'.repeat(64)}`,
  checksum: `sha256:${'a'.repeat(64)}`,
  warnings: [],
}

describe('formatHooks', () => {
  it('has a line for each hook, then what is to be done', () => {
    const changed: HookStatus = {
      ...hook,
      name: 'b',
      state: 'changed',
      reason: 'its file \u001b[2J',
    }
    assert.equal(
      formatHooks({ hooks: [hook, { ...changed, warnings: ['w'] }], warnings: ['folder'] }),
      [
        'HOOK    STATE    SANDBOX  USER  TIMEOUT  PARAMETERS         CHECKSUM',
        'backup  ready    none     -     30s      target [compress]  sha256:aaaaaaaaaaaa',
        'b       changed  none     -     30s      target [compress]  sha256:aaaaaaaaaaaa',
        'b: its file ?[2J',
        'b: w',
        'folder',
        '',
      ].join('\n'),
    )
  })

  it('says that there are none', () => {
    assert.equal(formatHooks({ hooks: [], warnings: [] }), 'there are no hooks\n')
  })
})
