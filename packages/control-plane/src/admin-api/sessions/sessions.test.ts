import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { OpenedSession, SessionSpec } from '@plexd/protocol'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { closeForsakenSessions, closeOverdueSessions, forgetSessions } from '../../jobs/sessions.ts'
import { revokeOperator } from '../../rows/fleet/operators.ts'
import { readAfter } from '../../rows/log/log.ts'
import { readForsakenSessions } from '../../rows/sessions.ts'
import { openEventReader } from '../../testing/event-reader.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'
import { addOperator } from '../../testing/operators.ts'

const key = `ssh-ed25519 ${'A'.repeat(68)}`
const minute = 60_000

/** A control plane with a node that runs sessions. */
async function stage(options: Parameters<typeof startControlPlane>[0] = {}) {
  const clock = createFakeClock()
  const plane = await startControlPlane({ clock, ...options })
  const capabilities = { sessions: { host_key: key, max_sessions: 10 } }
  const web = await plane.enrol('web', { capabilities })
  return { plane, clock, web, [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose]() }
}

async function open(
  { admin }: Pick<TestControlPlane, 'admin'>,
  spec: Partial<SessionSpec> = {},
): Promise<OpenedSession> {
  const body = { node: 'web', login: 'deploy', public_key: key, way: 'relay' as const, ...spec }
  return (await admin.openSession({ body })).body
}

const read = async ({ admin }: TestControlPlane, session: string) =>
  (await admin.getSession({ params: { session } })).body

const readerOf = ({ url }: TestControlPlane, { token, node_id }: EnrolledNode) =>
  openEventReader(url, { token, nodeId: node_id })

describe('a session', () => {
  it('is opened by an operator, run and reported by its node, and stays to be looked at', async () => {
    await using it = await stage()
    const { plane, clock, web } = it
    const { session, host_key, node_mesh_ip } = await open(plane, { ttl: '10m' })
    assert.deepEqual([session.state, session.node, host_key], ['opening', 'web', key])
    assert.equal(node_mesh_ip, web.mesh_ip)
    const params = { node_id: web.node_id, session_id: session.id }
    await web.api.tunnelReady({ params, body: { listen_addr: 'relay' } })
    assert.equal((await read(plane, session.id)).state, 'open')
    await clock.advance(5 * minute)
    const timestamp = new Date(clock.now() - minute).toISOString()
    const report = { reason: 'idle', duration: '4m0s', bytes_in: 3, bytes_out: 5, timestamp }
    await web.api.tunnelClosed({ params, body: report })
    await web.api.tunnelClosed({ params, body: { reason: 'error' } })

    const { state, reason, duration, bytes_in, bytes_out, closed_at } = await read(
      plane,
      session.id,
    )
    assert.deepEqual(
      [state, reason, duration, bytes_in, bytes_out],
      ['closed', 'idle', '4m0s', 3, 5],
    )
    assert.equal(closed_at, timestamp, 'when the node says that it ended')
    const params2 = { session: session.id }
    await assert.rejects(plane.admin.revokeSession({ params: params2 }), {
      status: 409,
      message: `session "${session.id}" has ended: idle`,
    })
  })

  it('is told when it is waited for that its node is ready', async () => {
    await using it = await stage()
    const { session } = await open(it.plane)
    const params = { session: session.id }
    const waiting = it.plane.admin.getSession({ params, query: { wait: '60s' } })
    const told = { node_id: it.web.node_id, session_id: session.id }
    await it.web.api.tunnelReady({ params: told, body: { listen_addr: '10.100.0.1:8022' } })
    const { body } = await waiting
    assert.deepEqual([body.state, body.listen_addr], ['open', '10.100.0.1:8022'])
  })

  it('is lost when its end is not reported, and found again when it is after all', async () => {
    await using it = await stage()
    const { plane, clock, web } = it
    const { session } = await open(plane, { ttl: '1m' })
    const silent = await open(plane, { ttl: '1m' })
    const params = { node_id: web.node_id, session_id: session.id }
    await web.api.tunnelReady({ params, body: { listen_addr: 'relay' } })
    await clock.advance(minute + 29_000)
    await closeOverdueSessions(plane.app)
    assert.equal((await read(plane, session.id)).state, 'open')
    await clock.advance(1_000)
    await closeOverdueSessions(plane.app)
    const lost = await read(plane, session.id)
    assert.deepEqual([lost.state, lost.reason], ['closed', 'lost'])
    assert.equal(lost.detail, 'the node did not report its end')
    await web.api.tunnelReady({ params, body: { listen_addr: 'relay' } })
    assert.equal((await read(plane, session.id)).state, 'closed')
    await web.api.tunnelClosed({ params, body: { reason: 'expired' } })
    assert.equal((await read(plane, session.id)).reason, 'expired')

    const never = await read(plane, silent.session.id)
    assert.deepEqual([never.state, never.reason], ['closed', 'expired'])
    assert.equal(never.detail, 'the node never answered')
    const late = { node_id: web.node_id, session_id: silent.session.id }
    await web.api.tunnelClosed({ params: late, body: { reason: 'client_closed' } })
    assert.equal((await read(plane, silent.session.id)).reason, 'client_closed')
  })

  it('is not ended by a report that makes no sense, which is told field by field', async () => {
    await using it = await stage()
    const { session } = await open(it.plane)
    const params = { node_id: it.web.node_id, session_id: session.id }
    const report = { reason: 'idle', duration: '4m0s', bytes_in: 3, bytes_out: 5 }
    for (const [field, value] of [
      ['bytes_in', -1],
      ['bytes_out', -5],
      ['recording_chunks', -1],
      ['duration', 'long'],
      ['duration', '-4m0s'],
    ] as const)
      await assert.rejects(
        it.web.api.tunnelClosed({ params, body: { ...report, [field]: value } }),
        ({ status, message }) => status === 400 && message.includes(field),
      )
    assert.equal((await read(it.plane, session.id)).state, 'opening')
    await it.web.api.tunnelClosed({ params, body: report })
    assert.equal((await read(it.plane, session.id)).reason, 'idle')
  })

  it('is not opened beyond what its node says that it runs', async () => {
    await using it = await stage()
    await it.plane.enrol('db', { capabilities: { sessions: { host_key: key, max_sessions: 1 } } })
    const { session } = await open(it.plane, { node: 'db' })
    await assert.rejects(open(it.plane, { node: 'db' }), {
      status: 409,
      message:
        '"db" has 1 open sessions, and runs 1 at most ("sessions.max_sessions" there): end some, or revoke them',
    })
    await it.plane.admin.revokeSession({ params: { session: session.id } })
    await open(it.plane, { node: 'db' })
  })

  it('is forgotten after 90 days', async () => {
    await using it = await stage()
    const { session } = await open(it.plane)
    await it.plane.admin.revokeSession({ params: { session: session.id } })
    const later = (days: number) => {
      const now = () => it.clock.now() + days * 24 * 60 * minute
      return { ...it.plane.app, clock: { ...it.clock, now } }
    }
    await forgetSessions(later(89))
    assert.equal((await read(it.plane, session.id)).state, 'closed')
    await forgetSessions(later(91))
    await assert.rejects(read(it.plane, session.id), { status: 404 })
  })

  it('is listed by node and state, newest first, page by page', async () => {
    await using it = await stage()
    const { admin } = it.plane
    await it.plane.enrol('db', { capabilities: { sessions: { host_key: key, max_sessions: 1 } } })
    const ids: string[] = []
    for (const node of ['web', 'db', 'web']) {
      await it.clock.advance(1)
      ids.unshift((await open(it.plane, { node })).session.id)
    }
    await admin.revokeSession({ params: { session: ids[0] ?? '' } })
    const listed = async (query: Parameters<typeof admin.listSessions>[0]['query']) => {
      const { body } = await admin.listSessions({ query })
      return { ids: body.items.map(({ id }) => id), next: body.next }
    }
    assert.deepEqual((await listed({})).ids, ids)
    assert.deepEqual((await listed({ node: 'web' })).ids, [ids[0], ids[2]])
    assert.deepEqual((await listed({ node: 'web', state: 'closed' })).ids, [ids[0]])
    const first = await listed({ limit: '2' })
    assert.deepEqual(first.ids, ids.slice(0, 2))
    assert.deepEqual((await listed({ after: first.next ?? '' })).ids, [ids[2]])
    await assert.rejects(listed({ node: 'none' }), { status: 404 })
  })
})

describe('a session is ended at once, and its node told', () => {
  it('by an operator; to repeat it changes nothing', async () => {
    await using it = await stage()
    await using reader = await readerOf(it.plane, it.web)
    const { session } = await open(it.plane)
    await reader.next('ssh_session_setup')
    const params = { session: session.id }
    const { body } = await it.plane.admin.revokeSession({ params })
    assert.deepEqual(
      [body.state, body.reason, body.detail],
      ['closed', 'revoked', 'revoked by "admin", before the node had said that it was ready'],
    )
    assert.equal((await reader.next('session_revoked')).payload.session_id, session.id)
    assert.deepEqual((await it.plane.admin.revokeSession({ params })).body, body)
    const told = { node_id: it.web.node_id, session_id: session.id }
    await it.web.api.tunnelClosed({ params: told, body: { reason: 'client_closed', bytes_in: 7 } })
    const after = await read(it.plane, session.id)
    assert.deepEqual([after.reason, after.bytes_in], ['revoked', 7])
  })

  it('when the token of its operator is revoked, by another operator or at a start', async () => {
    await using it = await stage()
    await using reader = await readerOf(it.plane, it.web)
    const { admin } = it.plane
    const other = await addOperator(it.plane, { name: 'other' })
    const own = await open(it.plane)
    const theirs = await open({ admin: other.api })
    const { body } = await admin.listAdminTokens({})
    const token = body.items.find(({ name }) => name === 'other')
    await admin.revokeAdminToken({ params: { token_id: token?.id ?? '' } })
    assert.equal((await reader.next('session_revoked')).payload.session_id, theirs.session.id)
    assert.equal(
      (await read(it.plane, theirs.session.id)).detail,
      'the token of "other" was revoked',
    )
    await closeForsakenSessions(it.plane.app)
    assert.equal((await read(it.plane, own.session.id)).state, 'opening')

    const third = await addOperator(it.plane, { name: 'third' })
    const { session } = await open({ admin: third.api })
    await it.plane.app.change((unit) => revokeOperator(unit, session.user_id))
    await closeForsakenSessions(it.plane.app)
    assert.equal((await reader.next('session_revoked')).payload.session_id, session.id)
    assert.equal((await read(it.plane, session.id)).reason, 'revoked')
  })

  it('when its node is removed', async () => {
    await using it = await stage()
    const { session } = await open(it.plane)
    await it.plane.admin.removeNode({ params: { node: 'web' } })
    const { state, detail, node } = await read(it.plane, session.id)
    assert.deepEqual([state, detail, node], ['closed', 'the node was removed', 'web'])
    assert.deepEqual(await readForsakenSessions(it.plane.app.store.reader, 1), [])
  })
})

describe('what a node hears of sessions', () => {
  it('is nothing of one that has ended or expired before it was sent, and no token or key in the log', async () => {
    await using it = await stage()
    const { admin } = it.plane
    const { body: state } = await it.web.api.getState({ params: it.web })
    const { session } = await open(it.plane)
    await admin.revokeSession({ params: { session: session.id } })
    await open(it.plane, { ttl: '1s' })
    await it.clock.advance(1_000)
    const kept = await open(it.plane)
    const { token, node_id: nodeId } = it.web
    const place = { token, nodeId, revision: state.revision ?? '' }
    await using reader = await openEventReader(it.plane.url, place)
    const first = await reader.next()
    assert.deepEqual([first.event, first.payload.session_id], ['session_revoked', session.id])
    const second = await reader.next()
    assert.deepEqual(
      [second.event, second.payload.session_id],
      ['ssh_session_setup', kept.session.id],
    )
    assert.ok(typeof second.payload.session_token === 'string')
    const log = await readAfter(it.plane.app.store.reader, 0)
    const setups = log?.events.filter(({ event_type }) => event_type === 'ssh_session_setup') ?? []
    assert.equal(setups.length, 3)
    for (const { payload } of setups) assert.doesNotMatch(payload, /session_token|"key"/)
  })

  it('is told again until it has said what became of it', async () => {
    await using it = await stage()
    const [waits, runs] = [await open(it.plane), await open(it.plane)]
    const params = { node_id: it.web.node_id, session_id: runs.session.id }
    await it.web.api.tunnelReady({ params, body: { listen_addr: 'relay' } })
    let marks = 0
    const heard = async () => {
      await using reader = await readerOf(it.plane, it.web)
      await it.plane.admin.putData({
        params: { key: 'mark' },
        body: { target: { selector: '*' }, content_type: 'text/plain', payload: marks++ },
      })
      await reader.next('node_state_updated')
      return reader.blocks
        .filter(({ event }) => event.includes('session'))
        .map(({ event, payload }) => [event, payload.session_id])
    }
    assert.deepEqual(await heard(), [['ssh_session_setup', waits.session.id]])
    await it.plane.admin.revokeSession({ params: { session: runs.session.id } })
    assert.deepEqual(await heard(), [
      ['ssh_session_setup', waits.session.id],
      ['session_revoked', runs.session.id],
    ])
    await it.web.api.tunnelClosed({ params, body: { reason: 'revoked' } })
    assert.deepEqual(await heard(), [['ssh_session_setup', waits.session.id]])
  })

  it('is, for one that runs none itself, a tunnel to its port 22 from the mesh, unrecorded', async () => {
    await using it = await stage()
    const go = await it.plane.enrol('go', { capabilities: null, userAgent: 'Go-http-client/1.1' })
    await using reader = await readerOf(it.plane, go)
    await assert.rejects(open(it.plane, { node: 'go' }), { status: 409 })
    await assert.rejects(open(it.plane, { node: 'go', way: 'mesh' }), { status: 409 })
    const { host_key } = await open(it.plane, { node: 'go', way: 'mesh', record: false })
    assert.equal(host_key, null)
    const { payload } = await reader.next('ssh_session_setup')
    assert.deepEqual([payload.target_host, payload.target_port], ['127.0.0.1', 22])
    assert.equal(payload.session, undefined)
  })
})

describe('a session is refused', () => {
  it('when it lasts too long, allows nothing or says what cannot be', async () => {
    await using it = await stage()
    const refused = (spec: Partial<SessionSpec>, message: RegExp | string) =>
      assert.rejects(open(it.plane, spec), { status: 400, message })
    await refused({ ttl: '13h' }, 'ttl "13h": want a duration from "1s" to "12h0m0s"')
    await refused({ shell: false }, /would allow nothing/)
    await refused({ record: false, record_input: true }, /record_input/)
    await refused({ login: 'Root; rm' }, /login/)
    await refused({ actions: ['*.ping'] }, /actions/)
    await assert.rejects(open(it.plane, { node: 'none' }), { status: 404 })
  })

  it('when there are too many of a node or an operator', async () => {
    await using it = await stage({ config: { limits: { node_sessions: 2, operator_sessions: 3 } } })
    await it.plane.enrol('db', { capabilities: { sessions: { host_key: key, max_sessions: 1 } } })
    await open(it.plane)
    const { session } = await open(it.plane)
    await assert.rejects(open(it.plane), { status: 429, message: /^"web" has 2 open sessions/ })
    await open(it.plane, { node: 'db' })
    await it.plane.admin.revokeSession({ params: { session: session.id } })
    await open(it.plane)
    await assert.rejects(open(it.plane), { status: 429 })
    await assert.rejects(open(it.plane, { node: 'db' }), {
      status: 429,
      message: /^"admin" has 3 open sessions/,
    })
  })

  it('to a node that says something of the session of another, which is on record', async () => {
    await using it = await stage()
    const { plane } = it
    const db = await plane.enrol('db')
    const { session } = await open(plane)
    const params = { node_id: db.node_id, session_id: session.id }
    const refusal = { status: 404 }
    await assert.rejects(db.api.tunnelReady({ params, body: { listen_addr: 'x' } }), refusal)
    await assert.rejects(db.api.tunnelClosed({ params, body: { reason: 'idle' } }), refusal)
    assert.equal((await read(plane, session.id)).state, 'opening')
    const { body } = await plane.admin.listTelemetry({ params: { node: 'db', kind: 'audit' } })
    assert.deepEqual(
      body.items.map(({ record }) => (record as { result?: string }).result),
      ['denied', 'denied'],
    )
  })
})

describe('what is on record of a session', () => {
  it('is also that the host key of a node is another one', async () => {
    await using it = await stage()
    const { api, node_id } = it.web
    const host_key = `ssh-ed25519 ${'B'.repeat(68)}`
    const params = { node_id }
    await api.putCapabilities({ params, body: { sessions: { host_key: key, max_sessions: 5 } } })
    await api.putCapabilities({ params, body: { sessions: { host_key, max_sessions: 5 } } })
    const { body } = await it.plane.admin.listTelemetry({ params: { node: 'web', kind: 'audit' } })
    assert.deepEqual(
      body.items.map(({ record }) => (record as { object?: unknown }).object),
      [{ before: key, after: host_key }],
    )
    assert.equal((await open(it.plane)).host_key, host_key)
  })

  it('is who opened it, that it was ready and why it ended, in the audit records of its node', async () => {
    await using it = await stage()
    const { session } = await open(it.plane)
    const params = { node_id: it.web.node_id, session_id: session.id }
    await it.web.api.tunnelReady({ params, body: { listen_addr: 'relay' } })
    await it.plane.admin.revokeSession({ params: { session: session.id } })
    const records = async () => {
      const kept = { node: 'web', kind: 'audit' }
      const { body } = await it.plane.admin.listTelemetry({ params: kept })
      return body.items
        .map(({ record }) => record as Record<string, unknown>)
        .filter(({ event_type }) => event_type === 'session')
    }
    await until('three records', async () => (await records()).length === 3)
    const [opened, , closed] = await records()
    const subject = { operator_id: session.user_id, operator_name: 'admin' }
    assert.deepEqual([opened?.action, opened?.subject], ['opened', subject])
    assert.equal(closed?.action, 'closed')
    assert.deepEqual(closed?.object, {
      session_id: session.id,
      login: 'deploy',
      way: 'relay',
      reason: 'revoked',
      detail: 'revoked by "admin"',
      was: 'open',
    })
  })
})
