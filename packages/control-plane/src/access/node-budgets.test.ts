import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createFakeClock } from '@plexd/runtime/testing'
import { type EnrolledNode, newPublicKey, startControlPlane } from '../testing/harness.ts'
import { isError } from '../testing/is-error.ts'

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

  it('does not make up for pulling its state without pause; that nothing is new is told all the same', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({
      clock,
      config: { limits: { node_state_bytes_per_second: 100 } },
    })
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    const pull = (node: EnrolledNode, headers: Record<string, string> = {}) =>
      node.api.getState({ params: node, headers })
    const { body } = await pull(web)
    for (let count = 0; count < 3; count++) await pull(web).catch(() => undefined)
    await assert.rejects(pull(web), isError(429, /\(limit node_state_bytes_per_second\)/))
    const unchanged = await pull(web, { 'if-none-match': `"${body.revision}"` })
    assert.equal(unchanged.status, 304)
    assert.equal((await pull(db)).status, 200)
    await clock.advance(60_000)
    assert.equal((await pull(web)).status, 200)
  })

  it('is counted in bytes where characters take several', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({
      clock,
      config: { limits: { node_state_bytes_per_second: 10_000 } },
    })
    const web = await plane.enrol('web-01')
    await plane.admin.putData({
      params: { key: 'k' },
      body: {
        target: { node_id: web.node_id },
        content_type: 'text/plain',
        payload: '\u{20ac}'.repeat(40_000),
      },
    })
    // 40,000 characters are four seconds' worth of ten, and 120,000 bytes twelve.
    await web.api.getState({ params: web })
    await assert.rejects(
      web.api.getState({ params: web }),
      isError(429, /\(limit node_state_bytes_per_second\)/),
    )
  })

  it('is limited in bytes as they are unpacked, whatever the request says of them', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({
      clock,
      config: { limits: { node_bytes_per_second: 1_000 } },
    })
    const text = JSON.stringify({ hooks: [{ name: 'x'.repeat(20_000) }] })
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(text))
        controller.close()
      },
    })
    for (const body of [gzipSync(text), chunked]) {
      const web = await plane.enrol(body === chunked ? 'chunked' : 'packed')
      const put = (): Promise<number> => putCapabilities(plane.url, web, body)
      assert.equal(await put(), 200)
      await assert.rejects(web.api.putCapabilities({ params: web, body: {} }), {
        status: 429,
        retryAfterSeconds: 11,
      })
    }
  })

  it('is limited when it is no batch, as if it were one', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({
      clock,
      config: { limits: { node_bytes_per_second: 1_000 } },
    })
    const web = await plane.enrol('web-01')
    const lines = '{}\n'.repeat(5_000)
    assert.deepEqual(
      [await sendLogs(plane.url, web, lines), await sendLogs(plane.url, web, lines)],
      [400, 429],
    )
  })

  it('is limited in records, also by those that do not fit', async () => {
    await using plane = await startControlPlane({ clock: createFakeClock() })
    const good = '{"timestamp":"2025-01-15T10:30:00Z","message":"m"}\n'
    for (const [hostname, start, status] of [
      ['refused', '', 400],
      ['dropped', good, 202],
    ] as const) {
      const node = await plane.enrol(hostname)
      assert.equal(await sendLogs(plane.url, node, start + '{}\n'.repeat(30_000)), status)
      assert.equal(await sendLogs(plane.url, node, good), 429)
    }
  })

  it('counts another agent in each heartbeat, which is answered all the same', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({
      clock,
      config: { limits: { node_writes_per_second: 1 } },
    })
    const web = await plane.enrol('web-01')
    const last = plane.app.heads.last()
    for (let count = 0; count < 40; count++) {
      const api = plane.clientFor(web.token, count % 2 === 0 ? 'plexd/1.0' : 'plexd/1.0 (linux)')
      assert.equal((await api.heartbeat({ params: web, body: {} })).status, 200)
    }
    const events = plane.app.heads.last() - last
    assert.ok(events <= 12, `${events} events`)
  })

  it('is six keys a minute, and the present one as often as it asks', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const { node_id, token } = await plane.enrol('web-01')
    const rotate = (new_public_key = newPublicKey()) =>
      plane.clientFor(token).rotateKeys({ body: { node_id, new_public_key } })
    for (let count = 0; count < 5; count++) await rotate()
    const key = newPublicKey()
    await rotate(key)
    await assert.rejects(rotate(), isError(429, /\(limit key_rotations_per_minute\)/))
    assert.equal((await rotate(key)).status, 200)
    await clock.advance(10_000)
    assert.equal((await rotate()).status, 200)
  })
})

/** As a stream it says nothing of its length, as bytes it is packed. */
async function putCapabilities(
  url: string,
  { node_id, token }: EnrolledNode,
  body: Buffer<ArrayBuffer> | ReadableStream,
): Promise<number> {
  const packed = body instanceof ReadableStream ? {} : { 'content-encoding': 'gzip' }
  const answer = await fetch(`${url}/v1/nodes/${node_id}/capabilities`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...packed },
    body,
    duplex: 'half',
  } as RequestInit)
  await answer.body?.cancel()
  return answer.status
}

async function sendLogs(
  url: string,
  { node_id, token }: EnrolledNode,
  body: string,
): Promise<number> {
  const answer = await fetch(`${url}/v1/nodes/${node_id}/logs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body,
  })
  await answer.body?.cancel()
  return answer.status
}
