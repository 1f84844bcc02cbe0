import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { expireExecutions } from '../../jobs/executions.ts'
import { openEventReader } from '../../testing/event-reader.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'
import { addOperator } from '../../testing/operators.ts'

const capabilities = {
  builtin_actions: [{ name: 'system.info' }],
  hooks: [{ name: 'backup', checksum: 'ab12' }],
}
const done = { status: 'success' as const, exit_code: 0, stdout: 'ok', stderr: '', duration: '1s' }

const run = (plane: TestControlPlane, action = 'system.info', more = {}) =>
  plane.admin.runAction({ params: { node: 'web' }, body: { action, ...more } })

const paramsOf = (node: EnrolledNode, execution_id: string) => ({
  node_id: node.node_id,
  execution_id,
})

describe('executions', () => {
  it('go from the operator to the node and back', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { capabilities })
    await using events = await openEventReader(plane.url, { token: web.token, nodeId: web.node_id })

    const { status, body } = await run(plane, 'hooks/backup', {
      parameters: { target: '/srv' },
      timeout: '90s',
    })

    assert.deepEqual([status, body.status, body.action], [201, 'pending', 'backup'])
    const { payload } = await events.next('action_request')
    assert.deepEqual(payload, {
      execution_id: body.id,
      action: 'backup',
      type: 'hook',
      parameters: { target: '/srv' },
      timeout: '1m30s',
      checksum: 'ab12',
      callback_url: `${plane.url}/v1/nodes/${web.node_id}/executions/${body.id}`,
      triggered_by: body.triggered_by,
    })
    const params = paramsOf(web, body.id)
    await web.api.ackExecution({ params, body: { status: 'accepted' } })
    const shown = async () =>
      (await plane.admin.getExecution({ params: { execution_id: body.id } })).body
    assert.equal((await shown()).status, 'accepted')
    await web.api.finishExecution({ params, body: { ...done, status: 'failed', exit_code: 3 } })
    const final = await shown()
    assert.deepEqual(
      [final.status, final.exit_code, final.stdout, final.duration],
      ['failure', 3, 'ok', '1s'],
    )
    assert.ok(final.acked_at !== null && final.finished_at !== null)
  })

  it('are refused for an action that the node has not, naming those it has', async () => {
    await using plane = await startControlPlane()
    await plane.enrol('web', { capabilities })
    await assert.rejects(run(plane, 'system.nifo'), {
      status: 400,
      message: 'the node knows no action "system.nifo": it knows backup, system.info',
    })
    await assert.rejects(run(plane, 'system.info', { timeout: '0s' }), { status: 400 })
    await assert.rejects(run(plane, 'system.info', { parameters: { a: 'x'.repeat(40_000) } }), {
      status: 400,
    })
    const elsewhere = plane.admin.runAction({ params: { node: 'n_x' }, body: { action: 'a' } })
    await assert.rejects(elsewhere, { status: 404 })
  })

  it('come with a warning if the node ends them before their timeout', async () => {
    await using plane = await startControlPlane()
    await plane.enrol('web', { capabilities: { ...capabilities, max_timeout: '10m0s' } })
    const { body } = await run(plane, 'system.info', { timeout: '1h' })
    assert.equal(body.timeout, '1h0m0s')
    assert.deepEqual(body.warnings, [
      'the node ends it after 10m0s, which is its "actions.max_timeout", and not after 1h0m0s',
    ])
    assert.deepEqual((await run(plane, 'system.info', { timeout: '10m' })).body.warnings, [])
  })

  it('are refused for a node that announced nothing', async () => {
    await using plane = await startControlPlane()
    await plane.enrol('web', { capabilities: null })
    await assert.rejects(run(plane, 'anything'), { status: 409 })
  })

  it('are refused with a text that no line of the stream holds, measured as it would be sent', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { capabilities })
    await using reader = await openEventReader(plane.url, { token: web.token, nodeId: web.node_id })
    const withText = (text: string) => run(plane, 'system.info', { parameters: { text } })
    await assert.rejects(withText('<'.repeat(10_100)), {
      status: 400,
      message: /^"action_request" cannot be sent: a text in it is longer than a line/,
    })
    const { body } = await withText('<'.repeat(9_800))
    const { payload } = await reader.next()
    assert.equal(payload.execution_id, body.id)
  })

  it('wake who waits for them', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { capabilities })
    const { body } = await run(plane)
    const params = { execution_id: body.id }
    const waiting = plane.admin.getExecution({ params, query: { wait: '30s' } })
    await web.api.ackExecution({ params: paramsOf(web, body.id), body: { status: 'accepted' } })
    await web.api.finishExecution({ params: paramsOf(web, body.id), body: done })
    assert.equal((await waiting).body.status, 'success')
    const brief = await plane.admin.getExecution({
      params: { execution_id: (await run(plane)).body.id },
      query: { wait: '10ms' },
    })
    assert.equal(brief.body.status, 'pending')
    for (const wait of ['61s', 'x'])
      await assert.rejects(plane.admin.getExecution({ params, query: { wait } }), { status: 400 })
    const unknown = plane.admin.getExecution({ params: { execution_id: 'exec_x' } })
    await assert.rejects(unknown, { status: 404 })
  })

  it('take a repeat of what was said, and refuse a contradiction', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { capabilities })
    const db = await plane.enrol('db')
    const { body } = await run(plane)
    const params = paramsOf(web, body.id)
    for (let time = 0; time < 2; time++)
      await web.api.ackExecution({ params, body: { status: 'accepted', execution_id: body.id } })
    await assert.rejects(web.api.ackExecution({ params, body: { status: 'rejected' } }), {
      status: 409,
    })
    for (let time = 0; time < 2; time++) await web.api.finishExecution({ params, body: done })
    const other = web.api.finishExecution({ params, body: { ...done, stdout: 'other' } })
    await assert.rejects(other, { status: 409 })
    const named = web.api.finishExecution({ params, body: { ...done, execution_id: 'exec_other' } })
    await assert.rejects(named, { status: 400 })
    const foreign = db.api.finishExecution({ params: paramsOf(db, body.id), body: done })
    await assert.rejects(foreign, { status: 404 })
  })

  it('are of their node alone: not of one that took its name, of another tenant, nor of it once it is gone', async () => {
    await using plane = await startControlPlane()
    const old = await plane.enrol('web', { capabilities })
    const { body } = await run(plane)
    await plane.admin.removeNode({ params: { node: 'web' } })
    const again = await plane.enrol('web', { capabilities })
    const acked = { status: 'accepted' as const }
    for (const node of [again, await plane.enrol('db')]) {
      const params = paramsOf(node, body.id)
      await assert.rejects(node.api.ackExecution({ params, body: acked }), { status: 404 })
      await assert.rejects(node.api.finishExecution({ params, body: done }), { status: 404 })
    }
    const gone = old.api.finishExecution({ params: paramsOf(old, body.id), body: done })
    await assert.rejects(gone, { status: 401 })
  })

  it('say who asked: by id and by the name at that time', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { capabilities })
    await using events = await openEventReader(plane.url, { token: web.token, nodeId: web.node_id })
    const alice = await addOperator(plane, { name: 'alice' })
    const { body } = await alice.api.runAction({
      params: { node: 'web' },
      body: { action: 'system.info' },
    })
    const { type, user_id, user_name } = body.triggered_by
    assert.deepEqual([type, user_name], ['control_plane', 'alice'])
    assert.match(user_id ?? '', /^tok_/)
    const { payload } = await events.next('action_request')
    assert.deepEqual(payload.triggered_by, body.triggered_by)
  })

  it('expire, and still take a result that comes late', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const web = await plane.enrol('web', { capabilities })
    const { body } = await run(plane, 'system.info', { timeout: '10s' })
    const statusNow = async () =>
      (await plane.admin.getExecution({ params: { execution_id: body.id } })).body.status
    await clock.advance(39_000)
    await expireExecutions(plane.app)
    assert.equal(await statusNow(), 'pending')
    await clock.advance(2_000)
    await expireExecutions(plane.app)
    assert.equal(await statusNow(), 'expired')
    await web.api.finishExecution({ params: paramsOf(web, body.id), body: done })
    assert.equal(await statusNow(), 'success')
  })

  it('are listed newest first, in pages', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    await plane.enrol('web', { capabilities })
    const ids: string[] = []
    for (let count = 0; count < 3; count++) {
      ids.unshift((await run(plane)).body.id)
      await clock.advance(1_000)
    }
    const params = { node: 'web' }
    const first = await plane.admin.listExecutions({ params, query: { limit: '2' } })
    const rest = await plane.admin.listExecutions({
      params,
      query: { after: first.body.next ?? '' },
    })
    assert.deepEqual(
      [...first.body.items, ...rest.body.items].map(({ id }) => id),
      ids,
    )
    assert.equal(rest.body.next, null)
  })
})
