import assert from 'node:assert/strict'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { describe, it } from 'node:test'
import { startControlPlane } from '../testing/harness.ts'
import { holdLock } from '../testing/hold-lock.ts'
import { isError } from '../testing/is-error.ts'

describe('a database that another process has locked', () => {
  it('is 503 for who would write, holds up nobody else, and is written to again behind the lock', async () => {
    await using plane = await startControlPlane({ config: { limits: { database_lock_wait: 300 } } })
    const web = await plane.enrol('web-01')
    await web.api.heartbeat({ params: web, body: {} })
    const put = (key: string) =>
      plane.admin.putData({
        params: { key },
        body: { target: { selector: '*' }, content_type: 'text/plain', payload: key },
      })
    const lag = monitorEventLoopDelay({ resolution: 5 })
    await using lock = await holdLock(join(plane.dataDir, 'control-plane.db'))
    lag.enable()

    const refused = isError(503, /^nothing was changed: the database is locked by another process/)
    await Promise.all(['a', 'b', 'c'].map((key) => assert.rejects(put(key), refused)))
    assert.equal((await web.api.heartbeat({ params: web, body: {} })).status, 200)
    assert.equal((await web.api.getState({ params: web })).status, 200)
    lag.disable()
    assert.ok(lag.max / 1e6 < 250, `the event loop was held up for ${lag.max / 1e6} ms`)
    await lock.release()
    await put('d')
    const { body } = await plane.admin.listData({})
    assert.deepEqual(
      body.items.map(({ key }) => key),
      ['d'],
    )
  })

  it('lets those through that can wait for it', async () => {
    await using plane = await startControlPlane({
      config: { limits: { database_lock_wait: 60_000 } },
    })
    const web = await plane.enrol('web-01')
    const drift = { params: web, body: { timestamp: new Date(0).toISOString(), corrections: [] } }
    await web.api.reportDrift(drift)
    const paths = ['control-plane.db', 'telemetry/drift-000001.db'].map((name) =>
      join(plane.dataDir, name),
    )
    const locks = await Promise.all(paths.map(holdLock))
    const writes = [
      web.api.putEndpoint({ params: web, body: { public_endpoint: '203.0.113.1:1' } }),
      web.api.reportDrift(drift),
    ]
    assert.equal((await plane.anonymous.ping({})).status, 200)
    for (const lock of locks) await lock.release()
    assert.deepEqual(
      (await Promise.all(writes)).map(({ status }) => status),
      [200, 200],
    )
  })
})
