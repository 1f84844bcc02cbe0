import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createActionCatalog } from './catalog.ts'
import type { Action } from './define.ts'

const action = (type: Action['type'], name: string): Action => ({
  type,
  name,
  description: '',
  parameters: [],
  timeoutMs: 1_000,
  prepare: () => assert.fail('nobody asked for it'),
})

describe('createActionCatalog', () => {
  it('replaces the actions of a type, and tells of it', () => {
    const catalog = createActionCatalog()
    let changes = 0
    const end = catalog.onChange(() => changes++)
    catalog.replace('hook', [action('hook', 'hooks/backup'), action('hook', 'system.info')])
    catalog.replace('builtin', [action('builtin', 'system.info')])
    assert.deepEqual(
      catalog.all().map(({ name }) => name),
      ['system.info', 'hooks/backup', 'system.info'],
    )
    assert.equal(catalog.find('system.info')?.type, 'builtin')

    catalog.replace('hook', [action('hook', 'backup')])
    assert.equal(catalog.find('hooks/backup')?.name, 'backup')
    catalog.replace('hook', [])
    end()
    catalog.replace('builtin', [])
    assert.equal(catalog.find('hooks/backup'), undefined)
    assert.equal(changes, 4)
  })
})
