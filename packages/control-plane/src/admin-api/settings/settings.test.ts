import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openControlPlane } from '../../testing/open-control-plane.ts'

describe('the settings of a control plane', () => {
  const plane = openControlPlane()

  it('are told to operators, with what waits for a restart', async () => {
    plane.app.reloaded({ needsRestart: ['listen'], error: undefined })
    const { items } = (await plane.admin.listSettings({})).body
    const listen = items.find(({ name }) => name === 'listen')
    assert.deepEqual(listen, {
      name: 'listen',
      value: '127.0.0.1:0',
      source: 'option',
      reloads: false,
      waits_for_restart: true,
    })
    assert.equal(items.find(({ name }) => name === 'log_level')?.reloads, true)
  })
})
