import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AlertRuleSpec } from '@plexd/protocol'
import { createFakeClock, serve } from '@plexd/runtime/testing'
import { startControlPlane } from '../../testing/harness.ts'
import { addOperator } from '../../testing/operators.ts'

const spec: AlertRuleSpec = {
  when: { metric: { name: 'node_resources.load_1', above: 8 } },
  for: '300s',
  severity: 'info',
}
const params = { alert_rule: 'busy' }

describe('alert rules', () => {
  it('are there by themselves, and can be changed and removed for one tenant', async () => {
    await using plane = await startControlPlane()
    const { api: other } = await addOperator(plane, { tenant: 'other' })
    const { admin } = plane
    const names = async (api = admin) =>
      (await api.listAlertRules({})).body.items.map(({ name }) => name)
    const all = await names()
    assert.ok(all.includes('node-silent') && all.includes('disk-nearly-full'))
    await admin.deleteAlertRule({ params: { alert_rule: 'node-silent' } })
    const disk = { alert_rule: 'disk-nearly-full' }
    const { body } = await admin.putAlertRule({ params: disk, body: spec })
    assert.deepEqual(
      [body.is_default, body.revision, body.for, body.selector],
      [false, 1, '5m0s', '*'],
    )
    assert.deepEqual(
      await names(),
      all.filter((name) => name !== 'node-silent'),
    )
    assert.deepEqual(await names(other), all)
    assert.equal((await other.getAlertRule({ params: disk })).body.is_default, true)
    const silent = { alert_rule: 'node-silent' }
    await assert.rejects(admin.getAlertRule({ params: silent }), { status: 404 })
    assert.deepEqual((await admin.listAlertRules({})).body.deleted, ['node-silent'])

    for (const rule of [silent, disk, disk])
      assert.equal((await admin.restoreAlertRule({ params: rule })).body.is_default, true)
    assert.deepEqual([await names(), (await admin.listAlertRules({})).body.deleted], [all, []])
    await admin.putAlertRule({ params, body: spec })
    await assert.rejects(admin.restoreAlertRule({ params }), { status: 404 })
    await assert.rejects(admin.restoreAlertRule({ params: { alert_rule: 'node-silen' } }), {
      status: 404,
      message: /did you mean "node-silent"\?$/,
    })
  })

  it('have a revision that grows with what is written, and not with the same again', async () => {
    await using plane = await startControlPlane()
    const put = async (body: AlertRuleSpec) =>
      (await plane.admin.putAlertRule({ params, body })).body.revision
    assert.deepEqual(
      [await put(spec), await put(spec), await put({ ...spec, for: '6m' })],
      [1, 1, 2],
    )
    await plane.admin.deleteAlertRule({ params })
    await assert.rejects(plane.admin.deleteAlertRule({ params }), { status: 404 })
  })

  it('say how many nodes send what they judge, from the first moment on', async () => {
    await using plane = await startControlPlane()
    const [web] = [await plane.enrol('web'), await plane.enrol('db')]
    const dataOf = async () => (await plane.admin.getAlertRule({ params })).body.data
    const when = { metric: { name: 'shop.open{shop=berlin}', above: 3 } }
    const { body } = await plane.admin.putAlertRule({ params, body: { ...spec, when } })
    assert.deepEqual(body.when, { metric: { name: 'shop.open{shop="berlin"}', above: 3 } })
    assert.deepEqual(body.data, { nodes: 2, sending: 0 })
    const send = (shop: string) => {
      const data = { [`open{shop="${shop}"}`]: 1 }
      const point = { timestamp: new Date().toISOString(), group: 'shop', data }
      return web.api.sendMetrics({ params: web, body: Buffer.from(JSON.stringify([point])) })
    }
    await send('paris')
    assert.equal((await dataOf())?.sending, 0)
    await send('berlin')
    assert.deepEqual(await dataOf(), { nodes: 2, sending: 1 })
    const { items } = (await plane.admin.listAlertRules({})).body
    assert.equal(items.find(({ name }) => name === 'node-silent')?.data, null)
    // What is sent is found without its group.
    const short = { ...spec, when: { metric: { name: 'open', below: 1 } } }
    const written = (await plane.admin.putAlertRule({ params, body: short })).body
    assert.deepEqual([written.when.metric?.name, written.data?.sending], ['shop.open', 1])
  })

  it('are refused with the reason', async () => {
    await using plane = await startControlPlane({ config: { limits: { alert_rules: 1 } } })
    const { admin } = plane
    for (const { body, says } of [
      { body: { when: {} }, says: /^when: want one of .*, not none$/ },
      {
        body: { when: { status: ['offline'], drift: { within: '5m', at_least: 1 } } },
        says: /not status and drift$/,
      },
      {
        body: { when: { metric: { name: 'node_resources.load_1' } } },
        says: /^when\.metric: want above, below or both$/,
      },
      {
        body: { when: { increase: { name: 'node_resources.load_1', within: '5m' } } },
        says: /it is no counter/,
      },
      { body: { when: { integrity: { within: '5s' } } }, says: /^within "5s": want a duration/ },
      { body: { for: '25h' }, says: /^for "25h": want a duration from "0s" to "24h"$/ },
      { body: { selector: 'a=b c' }, says: /parse selector/ },
      {
        body: { when: { metric: { name: 'nothing', above: 1 } } },
        says: /^when\.metric\.name "nothing": there is none of this name: see/,
      },
      {
        body: { when: { metric: { name: 'shop.x{', above: 1 } } },
        says: /^when\.metric\.name "shop\.x\{": its labels cannot be read/,
      },
      {
        body: { when: { no_data: { name: 'node_resources.laod_1' } } },
        says: /no_data\.name "node_resources\.laod_1": .* did you mean "node_resources\.load_1"\?$/,
      },
    ] as { body: Partial<AlertRuleSpec>; says: RegExp }[])
      await assert.rejects(admin.putAlertRule({ params, body: { ...spec, ...body } }), {
        status: 400,
        message: says,
      })
    await admin.putAlertRule({ params, body: spec })
    await assert.rejects(admin.putAlertRule({ params: { alert_rule: 'more' }, body: spec }), {
      status: 409,
    })
  })
})

describe('silences', () => {
  it('want to be about something, and stay on record with who ended them', async () => {
    await using plane = await startControlPlane()
    const { admin } = plane
    const { node_id } = await plane.enrol('web')
    const short = { for: '1h', reason: 'new disk' }
    await assert.rejects(admin.createAlertSilence({ body: short }), { status: 400 })
    await assert.rejects(admin.createAlertSilence({ body: { ...short, node: 'db' } }), {
      status: 404,
    })
    await assert.rejects(admin.createAlertSilence({ body: { ...short, rule: 'node-silnt' } }), {
      status: 404,
    })
    const { body } = await admin.createAlertSilence({ body: { ...short, node: 'web' } })
    assert.deepEqual([body.node_id, body.created_by], [node_id, 'admin'])
    const { api } = await addOperator(plane, { name: 'eve' })
    await api.endAlertSilence({ params: { alert_silence: body.id } })
    const [silence] = (await admin.listAlertSilences({ query: {} })).body.items
    assert.deepEqual([silence?.ended_by, silence?.node], ['eve', 'web'])
    await admin.removeNode({ params: { node: 'web' } })
    assert.equal((await admin.listAlertSilences({ query: {} })).body.items[0]?.node, 'web')
  })
})

describe('webhooks', () => {
  it('show their secret once, and never what may be one in the URL', async () => {
    await using plane = await startControlPlane()
    const { admin } = plane
    const url = 'https://hooks.example.com/services/canary-1?key=canary-2'
    const { body } = await admin.createAlertWebhook({ body: { name: 'ops', url } })
    assert.match(body.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    const { text = '' } = await admin.listAlertWebhooks({})
    assert.match(text, /"origin":"https:\/\/hooks\.example\.com"/)
    const rows = await plane.app.store.reader.selectFrom('alert_webhooks').selectAll().execute()
    for (const shown of [text, JSON.stringify(rows)])
      assert.doesNotMatch(shown, new RegExp(`canary|${RegExp.escape(body.secret.slice(6, 20))}`))
    await assert.rejects(admin.createAlertWebhook({ body: { name: 'ops', url } }), { status: 409 })
    await admin.deleteAlertWebhook({ params: { alert_webhook: 'ops' } })
    await assert.rejects(admin.testAlertWebhook({ params: { alert_webhook: 'ops' } }), {
      status: 404,
    })
  })

  it('sign with the secret before as well after a rotation, for a while', async () => {
    const clock = createFakeClock()
    const signatures: string[] = []
    await using receiver = await serve((request, response) => {
      signatures.push(String(request.headers['webhook-signature']))
      request.resume()
      response.end()
    })
    await using plane = await startControlPlane({ clock })
    const { admin } = plane
    const ops = { alert_webhook: 'ops' }
    const create = { name: 'ops', url: `${receiver.url}/`, allow_http: true }
    const first = (await admin.createAlertWebhook({ body: create })).body
    const rotate = async (body: object) =>
      (await admin.rotateAlertWebhookSecret({ params: ops, body })).body
    const countSignatures = async () => {
      assert.equal((await admin.testAlertWebhook({ params: ops })).body.delivered, true)
      return signatures.at(-1)?.split(' ').length
    }
    const untilOf = async () =>
      (await admin.listAlertWebhooks({})).body.items[0]?.previous_secret_until

    assert.deepEqual([await countSignatures(), await untilOf()], [1, null])
    const second = await rotate({ transition_period: '1h' })
    assert.notEqual(second.secret, first.secret)
    const until = new Date(clock.now() + 3_600_000).toISOString()
    assert.deepEqual([second.previous_secret_until, await untilOf()], [until, until])
    assert.equal(await countSignatures(), 2)
    await clock.advance(3_600_000)
    assert.deepEqual([await countSignatures(), await untilOf()], [1, null])
    assert.equal((await rotate({ transition_period: '0s' })).previous_secret_until, null)
    assert.equal(await countSignatures(), 1)
    await assert.rejects(rotate({ transition_period: '721h' }), { status: 400 })
  })

  it('have a URL over HTTPS, unless it is said otherwise, and of any host', async () => {
    await using plane = await startControlPlane({ config: { limits: { alert_webhooks: 2 } } })
    const create = (url: string, rest = {}) =>
      plane.admin.createAlertWebhook({ body: { name: url.length.toString(), url, ...rest } })
    for (const url of ['alerts', 'http://a.example', 'ftp://a.example', 'https://u:p@a.example'])
      await assert.rejects(create(url), { status: 400, message: /^url of the webhook: / })
    await create('http://10.0.0.7/', { allow_http: true })
    await create('https://127.0.0.1:8443/')
    await assert.rejects(create('https://a.example/one-too-many'), { status: 409 })
  })
})

it('viewers see alerts and change nothing; tenants see their own', async () => {
  await using plane = await startControlPlane()
  const { api: viewer } = await addOperator(plane, { role: 'viewer' })
  const { api: other } = await addOperator(plane, { tenant: 'other' })
  await plane.admin.putAlertRule({ params, body: spec })
  await plane.admin.createAlertWebhook({ body: { name: 'ops', url: 'https://a.example/' } })
  assert.equal((await viewer.listAlertWebhooks({})).body.items.length, 1)
  await assert.rejects(viewer.putAlertRule({ params, body: spec }), { status: 403 })
  const ops = { alert_webhook: 'ops' }
  await assert.rejects(viewer.testAlertWebhook({ params: ops }), { status: 403 })
  await assert.rejects(viewer.rotateAlertWebhookSecret({ params: ops, body: {} }), { status: 403 })
  await assert.rejects(other.rotateAlertWebhookSecret({ params: ops, body: {} }), { status: 404 })
  const silent = { alert_rule: 'node-silent' }
  await assert.rejects(viewer.restoreAlertRule({ params: silent }), { status: 403 })
  await assert.rejects(other.getAlertRule({ params }), { status: 404 })
  assert.deepEqual((await other.listAlertWebhooks({})).body.items, [])
  assert.deepEqual((await viewer.listAlerts({ query: { state: 'firing' } })).body.items, [])
})
