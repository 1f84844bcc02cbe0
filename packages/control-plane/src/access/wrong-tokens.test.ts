import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { newPublicKey, startControlPlane } from '../testing/harness.ts'
import { isError } from '../testing/is-error.ts'

const tooMany = isError(429, /: there were too many wrong tokens \(limit wrong_tokens\)$/)

describe('wrong tokens', () => {
  it('get 429 beyond a number, are counted, and logged once; right ones of the same address pass', async () => {
    const clock = createFakeClock()
    const lines: [string, unknown][] = []
    const log: Log = { ...silentLog, warn: (message, fields) => lines.push([message, fields]) }
    await using plane = await startControlPlane({
      clock,
      log,
      config: { limits: { wrong_tokens: 5, wrong_token_refill_ms: 10_000 } },
    })
    const web = await plane.enrol('web-01')
    const wrong = plane.clientFor('wrong')
    const beat = () => wrong.heartbeat({ params: web, body: {} })
    for (let count = 0; count < 5; count++)
      await assert.rejects(beat(), isError(401, 'unauthorized'))
    for (let count = 0; count < 50; count++) await assert.rejects(beat(), tooMany)
    await assert.rejects(beat(), { retryAfterSeconds: 10 })

    assert.equal((await web.api.heartbeat({ params: web, body: {} })).status, 200)
    assert.equal((await plane.admin.listNodes({})).status, 200)
    const register = (token: string) =>
      plane.anonymous.register({ body: { token, public_key: newPublicKey(), hostname: 'db-01' } })
    await assert.rejects(register('wrong'), tooMany)
    assert.equal((await register(await plane.createToken())).status, 201)
    assert.deepEqual(
      lines.filter(([message]) => message === 'too many wrong tokens'),
      [
        [
          'too many wrong tokens',
          { source: '127.0.0.1', api: 'control', node_id: web.node_id, count: 6 },
        ],
      ],
    )
    const text = await (await fetch(`${plane.url}/metrics`)).text()
    assert.match(text, /plexd_wrong_tokens_total\{api="control",outcome="refused"\} 5\n/)
    assert.match(text, /plexd_wrong_tokens_total\{api="control",outcome="throttled"\} 52\n/)
    await clock.advance(10_000)
    await assert.rejects(beat(), isError(401, 'unauthorized'))
  })

  it('of a removed node that asks every half minute are 401 for ever', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const web = await plane.enrol('web-01')
    await plane.admin.removeNode({ params: { node: 'web-01' } })
    for (let count = 0; count < 20; count++) {
      for (let call = 0; call < 10; call++)
        await assert.rejects(web.api.getState({ params: web }), isError(401, 'unauthorized'))
      await clock.advance(30_000)
    }
  })

  it('are counted by the client that a trusted proxy names, and by the connection where nobody is trusted', async () => {
    const lines: unknown[] = []
    const log: Log = { ...silentLog, warn: (_message, fields) => lines.push(fields) }
    const limits = { wrong_tokens: 1, wrong_token_refill_ms: 3_600_000 }
    const ask = async (url: string, from: string) => {
      const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': from }
      return (await fetch(`${url}/admin/v1/whoami`, { headers })).status
    }
    await using behind = await startControlPlane({
      log,
      config: { limits, trustedProxies: ['127.0.0.1/32'] },
    })
    assert.deepEqual(
      [
        await ask(behind.url, '203.0.113.7'),
        await ask(behind.url, '203.0.113.8'),
        await ask(behind.url, '203.0.113.8, 203.0.113.7'),
      ],
      [401, 401, 429],
    )
    assert.deepEqual(lines, [{ source: '203.0.113.7', api: 'admin', count: 2 }])
    await using open = await startControlPlane({ config: { limits } })
    assert.deepEqual(
      [await ask(open.url, '203.0.113.7'), await ask(open.url, '203.0.113.8')],
      [401, 429],
    )
  })

  it('are remembered of so many addresses and nodes and no more', async () => {
    await using plane = await startControlPlane({
      config: { limits: { wrong_tokens: 1, wrong_token_sources: 1, wrong_token_refill_ms: 1e9 } },
    })
    const web = await plane.enrol('web-01')
    const beat = (node_id: string) =>
      plane.clientFor('wrong').heartbeat({ params: { node_id }, body: {} })
    // Each of a pair of buckets drives the other out, so that nothing is known of either.
    for (let count = 0; count < 3; count++)
      await assert.rejects(beat(web.node_id), isError(401, 'unauthorized'))
    await assert.rejects(plane.clientFor('wrong').heartbeat({ params: { node_id: 'x' }, body: {} }))
  })
})
