import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Claim, claims } from '@plexd/protocol'
import {
  type EnrolledNode,
  newPublicKey,
  startControlPlane,
  type TestControlPlane,
} from '../testing/harness.ts'

interface Stage {
  plane: TestControlPlane
  web: EnrolledNode
  db: EnrolledNode
}

const capabilities = { builtin_actions: [{ name: 'ping' }] }
const at = '2025-01-15T10:30:00Z'
const shown = async ({ plane }: Stage) =>
  (await plane.admin.getNode({ params: { node: 'web' } })).body

/** A claim without a case does not compile. */
const cases: { [Name in Claim]: (stage: Stage) => Promise<void> } = {
  async node_id({ plane, web, db }) {
    await web.api.heartbeat({ params: web, body: { node_id: db.node_id, status: 'mine' } })
    const { body } = await plane.admin.getNode({ params: { node: 'db' } })
    assert.equal(body.heartbeat, null)
    const rotation = { node_id: db.node_id, new_public_key: newPublicKey() }
    await assert.rejects(web.api.rotateKeys({ body: rotation }), { status: 403 })
  },
  async hostname({ plane, db }) {
    for (const hostname of ['DB.', db.node_id, 'a b', db.mesh_ip])
      await assert.rejects(plane.enrol(hostname), /taken|parse hostname/)
    const bound = await plane.enrol('other', { hostname: 'bound' })
    assert.equal(bound.hostname, 'bound')
  },
  async public_key({ plane, db }) {
    const enrol = (publicKey: string) => plane.enrol('fresh', { publicKey })
    await assert.rejects(enrol(db.publicKey), { status: 409 })
    await assert.rejects(enrol(Buffer.alloc(32).toString('base64')), { status: 400 })
  },
  async metadata({ plane }) {
    const target = { selector: 'env=prod' }
    await plane.admin.putSecret({ params: { key: 's' }, body: { target, value: 'x' } })
    const liar = await plane.enrol('liar', { reported: { env: 'prod' } })
    const params = { node_id: liar.node_id, key: 's' }
    await assert.rejects(liar.api.getSecret({ params }), { status: 403 })
  },
  async endpoint(stage) {
    const { web, db } = stage
    for (const public_endpoint of [
      ...[`${db.mesh_ip}:1`, '224.0.0.1:1', '169.254.0.1:1', '0.0.0.0:1', '[fec0::1]:1'],
    ]) {
      const { body } = await web.api.putEndpoint({ params: web, body: { public_endpoint } })
      assert.equal(body.left_out?.length, 1)
      assert.equal((await shown(stage)).endpoint, '')
    }
  },
  async capabilities({ plane }) {
    const ask = (node: string) =>
      plane.admin.runAction({ params: { node }, body: { action: 'ping' } })
    assert.equal((await ask('web')).status, 201)
    await assert.rejects(ask('db'), { status: 409 })
  },
  async clock(stage) {
    const { web } = stage
    await web.api.heartbeat({ params: web, body: { timestamp: '9999-12-31T23:59:59-23:59' } })
    const { clock_skew_seconds, last_seen_at } = await shown(stage)
    assert.ok(clock_skew_seconds > 1e10)
    assert.ok(Math.abs(Date.parse(last_seen_at ?? '') - Date.now()) < 60_000)
  },
  async problems(stage) {
    const { web } = stage
    const problems = Array(20).fill('\u202e\u001b[31m'.repeat(200))
    await web.api.heartbeat({ params: web, body: { problems } })
    const lines = (await shown(stage)).problems
    assert.equal(lines.length, 16)
    assert.ok(lines.every((line) => line.length < 600 && !/\p{Cc}|\p{Cf}/u.test(line)))
  },
  async finished_at({ plane, web }) {
    const { body } = await plane.admin.runAction({
      params: { node: 'web' },
      body: { action: 'ping' },
    })
    const params = { node_id: web.node_id, execution_id: body.id }
    const finished_at = '9999-12-31T23:59:59-23:59'
    await web.api.finishExecution({ params, body: { status: 'success', finished_at } })
    const ended = (await plane.admin.getExecution({ params })).body.finished_at
    assert.ok(Date.parse(ended ?? '') <= Date.now())
  },
  async reports({ plane, web }) {
    const entries = ['a', 'b', 'c'].map((key) => ({
      key,
      content_type: 'text/plain',
      payload: key,
      version: 1,
      updated_at: at,
    }))
    await assert.rejects(web.api.syncReports({ params: web, body: { entries } }), { status: 413 })
    const count = async (node: string) =>
      (await plane.admin.listReports({ params: { node } })).body.items.length
    assert.deepEqual([await count('web'), await count('db')], [2, 0])
  },
}

describe('what a node says of itself', () => {
  let stage: Stage
  before(async () => {
    const plane = await startControlPlane({
      config: { limits: { report_keys: 2 } },
    })
    const web = await plane.enrol('web', { capabilities })
    stage = { plane, web, db: await plane.enrol('db') }
  })
  after(() => stage.plane[Symbol.asyncDispose]())

  for (const [name, run] of Object.entries(cases))
    it(`${name}: ${claims[name as Claim]}`, () => run(stage))
})
