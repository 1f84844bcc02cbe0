import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { askSoonest } from './ask-servers.ts'
import { type StunClient, StunError } from './stun-client.ts'

const near = { address: '192.0.2.1', port: 3478 }
const far = { address: '192.0.2.2', port: 3478 }
const gone = { address: '192.0.2.9', port: 3478 }
const mapped = { address: '203.0.113.1', port: 51_820 }
const latencyMs = new Map([
  [near, 20],
  [far, 180],
])

describe('the first answer of several servers', () => {
  it('is that of the preferred server, if it answers before the next is asked', async () => {
    assert.deepEqual(await ask([far, near]), { server: far, ms: 180, asked: 1 })
  })

  it('is that of the next server, a quarter of a second later, if the first is silent', async () => {
    assert.deepEqual(await ask([gone, near, far]), { server: near, ms: 270, asked: 2 })
  })

  it('is undefined if all are silent, hardly later than with one server', async () => {
    assert.deepEqual(await ask([gone, gone, gone]), { server: undefined, ms: 2_500, asked: 3 })
  })

  it('is not awaited after an abort', async () => {
    await assert.rejects(ask([gone, near], AbortSignal.abort(new Error('down'))), /down/)
  })

  it('does not hide a failure of our own', async () => {
    const client: StunClient = { ask: () => Promise.reject(new TypeError('broken')) }
    await assert.rejects(askSoonest([near], client, { clock: createFakeClock() }), TypeError)
  })
})

async function ask(servers: (typeof near)[], signal?: AbortSignal) {
  const clock = createFakeClock()
  let asked = 0
  const client: StunClient = {
    async ask(server, options) {
      asked++
      await clock.sleep(latencyMs.get(server) ?? 2_000, options?.signal)
      if (server === gone) throw new StunError('ask: no answer')
      return { mapped }
    },
  }
  const startedMs = clock.now()
  const asking = askSoonest(servers, client, { clock, signal }).then((sighting) => ({
    server: sighting?.server,
    ms: clock.now() - startedMs,
    asked,
  }))
  await Promise.all([clock.advance(10_000), asking.catch(() => {})])
  return asking
}
