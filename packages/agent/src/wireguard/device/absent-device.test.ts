import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createAbsentDevice } from './absent-device.ts'

describe('createAbsentDevice', () => {
  it('says that nothing is there and why, and takes nothing', async () => {
    const device = createAbsentDevice('plexd0', 'switched off by --no-mesh')

    assert.deepEqual(await device.peers(), [])
    assert.equal(await device.remove(), false)
    assert.equal(device.backend, 'none')
    await assert.rejects(
      device.apply([]),
      /^Error: no interface "plexd0": switched off by --no-mesh$/,
    )
  })
})
