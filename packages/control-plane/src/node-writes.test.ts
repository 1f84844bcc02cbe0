import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime'
import { startControlPlane } from './testing/harness.ts'
import { isError } from './testing/is-error.ts'

describe('what a node writes', () => {
  it('is limited whatever it is, for it alone, and never its heartbeat', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({
      clock,
      config: { limits: { node_writes_per_second: 1 } },
    })
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    const drift = (node = web) =>
      node.api.reportDrift({
        params: node,
        body: { timestamp: new Date(0).toISOString(), corrections: [] },
      })
    for (let count = 0; count < 10; count++) await drift()

    const refused = isError(429, /\(limit node_writes_per_second\): wait and send it again$/)
    const params = { ...web, session_id: 's', execution_id: 'exec_1' }
    const writes = [
      () => drift(),
      () =>
        web.api.reportViolation({
          params,
          body: {
            type: 't',
            path: '/p',
            expected_checksum: 'a',
            actual_checksum: 'b',
            detail: '',
            timestamp: new Date(0).toISOString(),
          },
        }),
      () =>
        web.api.tunnelReady({
          params,
          body: { listen_addr: '127.0.0.1:1', timestamp: new Date(0).toISOString() },
        }),
      () => web.api.putEndpoint({ params, body: { public_endpoint: '' } }),
      () => web.api.putCapabilities({ params, body: {} }),
      () => web.api.syncReports({ params, body: {} }),
    ]
    for (const write of writes) await assert.rejects(write(), refused)
    await assert.rejects(drift(), { retryAfterSeconds: 1 })
    assert.equal((await web.api.heartbeat({ params, body: {} })).status, 200)
    assert.equal((await drift(db)).status, 200)
    await clock.advance(1_000)
    assert.equal((await drift()).status, 200)
  })
})
