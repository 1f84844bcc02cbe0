import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createFakeClock } from '@plexd/runtime/testing'
import { pruneTelemetry } from '../../jobs/prune-telemetry.ts'
import { NothingChanged } from '../../store/nothing-changed.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'

const at = '2025-01-15T10:30:00Z'
const log = (message: string) => JSON.stringify({ timestamp: at, message, severity: 'err' })

async function send(
  plane: TestControlPlane,
  node: EnrolledNode,
  {
    kind = 'logs',
    body,
    headers = {},
  }: { kind?: string; body: string | Buffer<ArrayBuffer>; headers?: Record<string, string> },
) {
  const answer = await fetch(`${plane.url}/v1/nodes/${node.node_id}/${kind}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${node.token}`,
      'content-type': 'application/x-ndjson',
      ...headers,
    },
    body,
  })
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as object }
}

const kept = async (plane: TestControlPlane, kind: string, query = {}) =>
  (await plane.admin.listTelemetry({ params: { node: 'web', kind }, query })).body.items.map(
    ({ record }) => record as Record<string, unknown>,
  )

describe('telemetry', () => {
  it('is taken packed and plain, as lines and as an array', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const packed = { 'content-encoding': 'gzip' }
    const lines = `${log('one')}\n${log('two')}\n`
    assert.deepEqual((await send(plane, web, { body: gzipSync(lines), headers: packed })).body, {
      accepted: 2,
      dropped: 0,
    })
    const array = await send(plane, web, {
      body: `[${log('three')},1]`,
      headers: { 'content-type': 'application/json' },
    })
    assert.deepEqual(
      [array.status, array.body],
      [
        202,
        {
          accepted: 1,
          dropped: 1,
          refusals: [{ record: 1, reason: 'it 1: want an object' }],
        },
      ],
    )
    const records = await kept(plane, 'logs')
    assert.deepEqual(
      records.map(({ message, severity }) => [message, severity]),
      [
        ['one', 'error'],
        ['two', 'error'],
        ['three', 'error'],
      ],
    )
  })

  it('is taken as several gzip members, and once if it has a position', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const body = Buffer.concat([gzipSync(`${log('one')}\n`), gzipSync(`${log('two')}\n`)])
    const headers = { 'content-encoding': 'gzip', 'plexd-batch': '0123456789abcdef 7 2' }
    const answers = [
      await send(plane, web, { body, headers }),
      await send(plane, web, { body, headers }),
    ]
    assert.deepEqual(
      answers.map(({ body }) => body),
      [
        { accepted: 2, dropped: 0, duplicates: 0 },
        { accepted: 0, dropped: 0, duplicates: 2 },
      ],
    )
    assert.deepEqual(
      (await kept(plane, 'logs')).map(({ message }) => message),
      ['one', 'two'],
    )
    for (const position of ['7 2', '0123456789abcdef 7 3'])
      assert.equal(
        (await send(plane, web, { body, headers: { ...headers, 'plexd-batch': position } })).status,
        400,
      )
    const cut = await send(plane, web, { body: body.subarray(0, -5), headers })
    assert.deepEqual(
      [cut.status, cut.body],
      [400, { error: 'invalid gzip body', code: 'bad_request' }],
    )
  })

  it('keeps counters exact', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const body = `[{"timestamp":"${at}","group":"system","data":{"network_rx_bytes":18446744073709551615}}]`
    assert.equal((await send(plane, web, { kind: 'metrics', body })).status, 202)
    const answer = await fetch(`${plane.url}/admin/v1/nodes/web/telemetry/metrics`, {
      headers: { authorization: `Bearer ${plane.adminToken}` },
    })
    assert.match(await answer.text(), /"network_rx_bytes":18446744073709551615/)
  })

  it('is refused when nothing of it fits, or it is too large', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const packed = { 'content-encoding': 'gzip' }
    for (const body of ['', 'x', '[', '{}'])
      assert.equal((await send(plane, web, { body })).status, 400)
    assert.equal((await send(plane, web, { body: 'x', headers: packed })).status, 400)
    const bomb = gzipSync(Buffer.alloc(17 * 1024 * 1024, ' '))
    assert.equal((await send(plane, web, { body: bomb, headers: packed })).status, 413)
    assert.equal(
      (await send(plane, web, { body: 'x', headers: { 'content-encoding': 'br' } })).status,
      415,
    )
  })

  it('is put off on a full disk', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    plane.app.telemetry.append = () =>
      Promise.reject(new NothingChanged('the disk is full', { cause: 0, retryAfterSeconds: 30 }))
    const { status, headers, body } = await send(plane, web, { body: log('x') })
    assert.deepEqual([status, headers.get('retry-after')], [429, '30'])
    assert.deepEqual(body, {
      error: 'nothing was changed: the disk is full',
      code: 'too_many_requests',
    })
  })

  it('is put off for all nodes of a tenant that send too much together', async () => {
    const limits = { tenant_telemetry_records_per_second: 10 }
    await using plane = await startControlPlane({ clock: createFakeClock(), config: { limits } })
    const nodes = [await plane.enrol('web'), await plane.enrol('db')]
    const body = `${log('x')}\n`.repeat(60)
    const statuses: number[] = []
    for (let n = 0; n < 3; n++)
      statuses.push((await send(plane, nodes[n % 2] as EnrolledNode, { body })).status)
    assert.deepEqual(statuses, [202, 202, 429])
  })

  it('is put off for a node that sends too much, and for that node only', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const web = await plane.enrol('web')
    const db = await plane.enrol('db')
    const body = `${log('x')}\n`.repeat(22_000)
    assert.equal((await send(plane, web, { body })).status, 202)
    const refused = await send(plane, web, { body: log('y') })
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1'])
    assert.equal((await send(plane, db, { body: log('y') })).status, 202)
    await clock.advance(2_000)
    assert.equal((await send(plane, web, { body: log('y') })).status, 202)
  })

  it('is listed by kind, from a time on, in pages', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const web = await plane.enrol('web')
    await send(plane, web, { body: log('old') })
    await clock.advance(120_000)
    await send(plane, web, { body: `${log('a')}\n${log('b')}` })
    assert.equal((await kept(plane, 'logs', { since: '1m' })).length, 2)
    assert.equal(
      (await kept(plane, 'logs', { since: new Date(clock.now()).toISOString() })).length,
      2,
    )
    assert.deepEqual(await kept(plane, 'audit'), [])
    const params = { node: 'web', kind: 'logs' }
    const first = await plane.admin.listTelemetry({ params, query: { limit: '2' } })
    assert.equal((await kept(plane, 'logs', { after: first.body.next ?? '' })).length, 1)
    await assert.rejects(kept(plane, 'gossip'), { status: 400 })
    await assert.rejects(kept(plane, 'logs', { since: 'soon' }), { status: 400 })
  })

  it('has drift, violations and what became of tunnels in it', async () => {
    await using plane = await startControlPlane()
    const { api, node_id } = await plane.enrol('web')
    const drift = {
      timestamp: at,
      corrections: [{ type: 'peer_added', detail: 'n_x was missing' }],
    }
    await api.reportDrift({ params: { node_id }, body: drift })
    await api.reportDrift({ params: { node_id }, body: { timestamp: at, corrections: null } })
    const violation = { type: 'binary', path: '/usr/local/bin/plexd', expected_checksum: 'a' }
    await api.reportViolation({ params: { node_id }, body: violation })
    const params = { node_id, session_id: 'ses_1' }
    await api.tunnelReady({ params, body: { listen_addr: '10.100.0.1:4022', timestamp: at } })
    await api.tunnelClosed({ params, body: { reason: 'revoked', duration: '1m0s' } })
    assert.deepEqual((await kept(plane, 'drift'))[0], drift)
    assert.deepEqual(await kept(plane, 'violations'), [violation])
    assert.deepEqual(
      (await kept(plane, 'audit')).map(({ action, subject, object }) => [action, subject, object]),
      [
        ['ready', { session_id: 'ses_1' }, { listen_addr: '10.100.0.1:4022' }],
        ['closed', { session_id: 'ses_1' }, { reason: 'revoked', duration: '1m0s' }],
      ],
    )
  })

  it('is forgotten when it is old', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({
      clock,
      config: { limits: { telemetry_ms: 60_000 } },
    })
    const web = await plane.enrol('web')
    await send(plane, web, { body: log('old') })
    await clock.advance(60_001)
    await send(plane, web, { body: log('new') })
    await pruneTelemetry(plane.app)
    assert.deepEqual(
      (await kept(plane, 'logs')).map(({ message }) => message),
      ['new'],
    )
  })
})
