import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { createNameCache, silentLog, systemClock } from '@plexd/runtime'
import { defaultConfig } from '../config/agent-config.ts'
import { createProblems } from '../health/problems.ts'
import { holdDesired } from '../testing/desired.ts'
import { createFakeDevice } from '../testing/fake-device.ts'
import { openNodeMesh } from './node-mesh.ts'

describe('openNodeMesh', () => {
  it('closes the mesh that it has opened if it cannot go on', async () => {
    using database = new DatabaseSync(':memory:')
    database.exec('CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT)')
    const device = createFakeDevice()
    let closed = 0
    const opening = openNodeMesh({
      config: defaultConfig,
      database,
      desired: holdDesired({}),
      identity: () => assert.fail('not asked'),
      requests: { ask() {} },
      names: createNameCache(),
      repairs: { ofInterface: { add() {}, check() {}, times: () => 0 } },
      problems: createProblems(),
      clock: systemClock,
      log: silentLog,
      openMesh: async () => ({
        device,
        get routing(): never {
          throw new Error('no routing')
        },
        leave: () => device.remove(),
        async [Symbol.asyncDispose]() {
          closed++
        },
      }),
    })

    await assert.rejects(opening, /^Error: no routing$/)
    assert.equal(closed, 1)
  })
})
