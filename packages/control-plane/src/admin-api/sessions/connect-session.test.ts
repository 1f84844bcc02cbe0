import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { before, describe, it } from 'node:test'
import { ApiError, adminApi, controlApi, relayEnds } from '@plexd/protocol'
import { openWebSocket, type WebSocketStream } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { WebSocket } from 'ws'
import type { EnrolledNode } from '../../testing/harness.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'
import { addOperator, type TestOperator } from '../../testing/operators.ts'

const key = `ssh-ed25519 ${'A'.repeat(68)}`
const capabilities = { sessions: { host_key: key, max_sessions: 10 } }

describe('the two sides of a relayed session', () => {
  const plane = openControlPlane({ config: { limits: { node_writes_per_second: 5 } } })
  let node: EnrolledNode
  let other: TestOperator
  let foreign: TestOperator
  let owner: Pick<TestOperator, 'api'>
  before(async () => {
    owner = { api: plane.admin }
    node = await plane.enrol('web', { capabilities })
    other = await addOperator(plane, { name: 'leaver' })
    foreign = await addOperator(plane, { tenant: 'other' })
  })

  const dial = { userAgent: 'plexd/test' }
  const asClient = (session: string, token = plane.adminToken): Promise<WebSocketStream> =>
    openWebSocket(adminApi.connectSession, {
      ...dial,
      baseUrl: plane.url,
      params: { session },
      token,
    })
  const asNode = (session_id: string, { node_id, token } = node): Promise<WebSocketStream> =>
    openWebSocket(controlApi.relaySession, {
      ...dial,
      baseUrl: plane.url,
      params: { node_id, session_id },
      token,
    })
  const refusal =
    (status: number, message = /./) =>
    (error: unknown) =>
      error instanceof ApiError && error.status === status && message.test(error.message)

  it('are connected', async () => {
    const session = await open()
    const client = await asClient(session)
    client.write('SSH-2.0-client\r\n')
    const served = await asNode(session)
    assert.equal(String((await once(served, 'data'))[0]), 'SSH-2.0-client\r\n')
    served.write('SSH-2.0-node\r\n')
    assert.equal(String((await once(client, 'data'))[0]), 'SSH-2.0-node\r\n')
    assert.match(await metrics(), /plexd_session_relays_open 1/)
    served.hangUp(4100, 'idle for 10m')
    client.resume()
    assert.deepEqual(await client.whenClosed, { code: 4100, reason: 'idle for 10m' })
    assert.match(await metrics(), /plexd_session_relay_bytes_total\{from="client"\} 16/)
    assert.match(await metrics(), /operation="connectSession",status="101"\} 1/)
  })

  it('take messages of any length', async () => {
    const session = await open()
    const client = await asClient(session)
    const served = await asNode(session)
    const bytes = Buffer.from(Array.from({ length: 1_000_003 }, (_, n) => n % 251))
    client.end(bytes)
    const parts: Buffer[] = []
    for await (const part of served) parts.push(part as Buffer)
    assert.ok(Buffer.concat(parts).equals(bytes))
    assert.deepEqual(await served.whenClosed, { code: 1000, reason: '' })
  })

  it('are for the operator who opened it and for its node', async () => {
    const session = await open()
    await assert.rejects(asClient(session, 'plx_nobody'), refusal(401, /^unauthorized$/))
    await assert.rejects(asClient(session, other.token), refusal(403, /another operator/))
    await assert.rejects(asClient(session, foreign.token), refusal(404, /no session/))
    await assert.rejects(asClient('ses_nobody'), refusal(404, /no session "ses_nobody"/))
    await assert.rejects(asNode(session, await plane.enrol('db')), refusal(404, /no session/))
    const { body } = await plane.admin.listTelemetry({ params: { node: 'db', kind: 'audit' } })
    const [{ record } = {}] = body.items
    const { action, result, subject } = record as Record<string, unknown>
    assert.deepEqual([action, result, subject], ['relay', 'denied', { session_id: session }])
  })

  it('are refused to a node that keeps asking for those of others, after a while without a record', async () => {
    const session = await open()
    const asking = await plane.enrol('asking')
    const tries = Array.from({ length: 150 }, () => asNode(session, asking).catch(statusOf))
    const statuses = new Set(await Promise.all(tries))
    assert.deepEqual(statuses, new Set([404, 429]))
  })

  it('are there once, as is on record', async () => {
    const once = await plane.enrol('once', { capabilities })
    const session = await open(owner, 'once')
    const client = await asClient(session)
    await assert.rejects(asClient(session), refusal(409, /has a client already/))
    const served = await asNode(session, once)
    await assert.rejects(asNode(session, once), refusal(409, /its node was connected/))
    client.end()
    await served.resume().whenClosed
    await assert.rejects(asClient(session), refusal(409, /its client was connected/))
    await assert.rejects(asClient(session, other.token), refusal(403, /another operator/))
    const { body } = await plane.admin.listTelemetry({ params: { node: 'once', kind: 'audit' } })
    const results = body.items
      .map(({ record }) => record as { action: string; result?: string })
      .filter(({ action }) => ['connect', 'relay'].includes(action))
      .map(({ action, result }) => `${action} ${result}`)
    assert.deepEqual(results.toSorted(), [
      ...['connect denied', 'connect denied', 'connect denied', 'connect success'],
      'relay denied',
    ])
  })

  it('are there again when the node has let nobody in, and says so by coming again', async () => {
    const session = await open()
    const client = await asClient(session)
    const served = await asNode(session)
    served.hangUp(4000, 'not let in')
    await client.resume().whenClosed
    const again = await asNode(session)
    const second = await asClient(session)
    second.write('SSH-2.0-second')
    assert.equal(String((await once(again, 'data'))[0]), 'SSH-2.0-second')
    await assert.rejects(asNode(session), refusal(409, /its node was connected/))
    second.end()
  })

  it('end with the token of the operator', async () => {
    const session = await open(other)
    const client = await asClient(session, other.token)
    const { items } = (await plane.admin.listAdminTokens({})).body
    const token_id = items.find(({ name }) => name === 'leaver')?.id ?? ''
    await plane.admin.revokeAdminToken({ params: { token_id } })
    assert.deepEqual(await client.resume().whenClosed, {
      ...relayEnds.revoked,
      reason: 'the token of "leaver" was revoked',
    })
  })

  it('end with the session', async () => {
    const revoked = await open()
    const client = await asClient(revoked)
    const served = await asNode(revoked)
    await plane.admin.revokeSession({ params: { session: revoked } })
    const closing = {
      ...relayEnds.revoked,
      reason: 'revoked by "admin", before the node had said that it was ready',
    }
    assert.deepEqual(await client.resume().whenClosed, closing)
    assert.deepEqual(await served.resume().whenClosed, closing)
    await assert.rejects(asClient(revoked), refusal(409, /has ended: revoked/))
    const refused = await open()
    const waiting = await asClient(refused)
    const params = { node_id: node.node_id, session_id: refused }
    await node.api.tunnelClosed({ params, body: { reason: 'refused' } })
    const { reason } = await waiting.resume().whenClosed
    assert.equal(reason, 'the session has ended: refused')
  })

  it('are not cut when the node says that it has ended: the last of what it sent may be under way', async () => {
    const session = await open()
    const client = await asClient(session)
    const served = await asNode(session)
    const params = { node_id: node.node_id, session_id: session }
    await node.api.tunnelClosed({ params, body: { reason: 'client_closed' } })
    served.end('the exit status')
    assert.equal(String((await once(client, 'data'))[0]), 'the exit status')
  })

  it('are those of a relayed session', async () => {
    const body = { node: 'web', login: 'deploy', public_key: key, way: 'mesh' as const }
    const { id } = (await plane.admin.openSession({ body })).body.session
    await assert.rejects(asClient(id), refusal(409, /is not relayed: its way is mesh/))
    await assert.rejects(asNode(id), refusal(409, /is not relayed: its way is mesh/))
  })

  it('end with the node', async () => {
    const leaving = await plane.enrol('leaving', { capabilities })
    const session = await open(owner, 'leaving')
    const served = await asNode(session, leaving)
    await plane.admin.removeNode({ params: { node: 'leaving' } })
    assert.deepEqual(await served.resume().whenClosed, {
      ...relayEnds.revoked,
      reason: 'the node was removed',
    })
  })

  it('are told of it in JSON if they ask for no WebSocket, or for a bad one', async () => {
    const path = `/admin/v1/sessions/${await open()}/connect`
    const headers = { authorization: `Bearer ${plane.adminToken}` }
    const answer = await fetch(plane.url + path, { headers })
    assert.equal(answer.status, 426)
    assert.equal(answer.headers.get('upgrade'), 'websocket')
    assert.equal(((await answer.json()) as { code: string }).code, 'upgrade_required')
    const ask = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      Authorization: headers.authorization,
    }
    const valid = {
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
    }
    for (const [given, status, body = ''] of [
      [{ ...ask, 'Sec-WebSocket-Version': '12' }, 426],
      [{ ...ask, 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'short' }, 400],
      [{ ...ask, Authorization: 'Bearer nobody' }, 401],
      [{ ...ask, ...valid, 'Content-Length': '5' }, 426, 'hello'],
      [{ ...ask, ...valid, 'Transfer-Encoding': 'chunked' }, 426, '0\r\n\r\n'],
    ] as const) {
      const text = await raw(path, given, body)
      assert.match(text, new RegExp(`^HTTP/1.1 ${status} `))
      assert.match(text, /plexd-control-plane: /)
      assert.match(text, /\r\n\r\n\{"error":"[^"]+","code":"\w+"\}$/)
    }
  })

  it('are opened without a subprotocol, whatever is offered', async () => {
    const url = `${plane.url.replace('http', 'ws')}/admin/v1/sessions/${await open()}/connect`
    const headers = {
      authorization: `Bearer ${plane.adminToken}`,
      'sec-websocket-protocol': ',,bad',
    }
    const socket = new WebSocket(url, { headers })
    await once(socket, 'open')
    assert.equal(socket.protocol, '')
    socket.terminate()
  })

  it('leave other paths as they are, whatever upgrade is offered', async () => {
    const text = await raw('/v1/ping', { Connection: 'Upgrade, close', Upgrade: 'websocket' })
    assert.match(text, /^HTTP\/1.1 200 [\s\S]*\{\}$/)
  })

  it('are closed when the next request does not wait for its turn', async () => {
    const lines = (path: string): string =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
    const socket = connect(Number(new URL(plane.url).port), '127.0.0.1')
    socket.end(lines('/admin/v1/sessions/x/connect') + lines('/admin/v1/sessions/x/connect'))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    await once(socket, 'close')
    assert.match(text, /^HTTP\/1.1 401 /)
    assert.equal(text.match(/HTTP\/1.1/g)?.length, 1)
  })

  it('keep no connection after they are over', async () => {
    const { app } = plane
    await until('all relays are over', () => app.relay.open() === 0)
  })

  function statusOf(error: unknown): number {
    assert.ok(error instanceof ApiError)
    return error.status
  }

  /** A relayed session; its id. */
  async function open(operator: Pick<TestOperator, 'api'> = owner, node = 'web'): Promise<string> {
    const body = { node, login: 'deploy', public_key: key, way: 'relay' as const }
    return (await operator.api.openSession({ body })).body.session.id
  }

  async function metrics(): Promise<string> {
    return (await fetch(`${plane.url}/metrics`)).text()
  }

  /** The whole answer to a GET. */
  async function raw(path: string, headers: Record<string, string>, body = ''): Promise<string> {
    const socket = connect(Number(new URL(plane.url).port), '127.0.0.1')
    const lines = Object.entries({ Host: 'x', ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    )
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
    if (body !== '') socket.end()
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    await once(socket, 'close')
    return text
  }
})
