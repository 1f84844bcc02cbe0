import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AlertMessage, NodeStatus } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { changeNode } from '../changes/nodes.ts'
import { readFirstMessage } from '../rows/alerts/messages.ts'
import { startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

const minute = 60

describe('alerts', () => {
  it('are pending first, fire when it has lasted, and are resolved when it is over for good', async () => {
    await using world = await openWorld()
    const node = await world.node('web')
    await world.measure(node, { disk_used: 95, disk_total: 100 })
    await world.round()
    assert.deepEqual(await world.alerts(), ['pending disk-nearly-full web'])
    for (let spent = 0; spent < 5 * minute; spent += 60) {
      await world.measure(node, { disk_used: 95, disk_total: 100 })
      await world.round(60)
    }
    assert.deepEqual(await world.alerts(), ['firing disk-nearly-full web'])
    assert.deepEqual(await world.messages(), ['alert.firing disk-nearly-full web'])

    await world.measure(node, { disk_used: 80, disk_total: 100 })
    await world.round(4 * minute)
    assert.deepEqual(await world.alerts(), ['firing disk-nearly-full web'])
    await world.round()
    await world.measure(node, { disk_used: 80, disk_total: 100 })
    await world.round(5 * minute)
    assert.deepEqual(await world.alerts(), ['resolved disk-nearly-full web'])
    const [, resolved] = await world.messages()
    assert.equal(resolved, 'alert.resolved disk-nearly-full web')
  })

  it('leave nothing behind that was pending for nothing', async () => {
    await using world = await openWorld()
    const node = await world.node('web')
    await world.measure(node, { disk_used: 95, disk_total: 100 })
    await world.round()
    await world.measure(node, { disk_used: 10, disk_total: 100 })
    await world.round()
    assert.deepEqual([await world.alerts(), await world.messages()], [[], []])
  })

  it('are not resolved by silence: what is old is not known', async () => {
    await using world = await openWorld()
    const node = await world.node('web')
    await world.put('full', { when: { metric: diskAbove(0.5) }, severity: 'warning' })
    await world.measure(node, { disk_used: 60, disk_total: 100 })
    await world.round()
    await world.round(10 * minute)
    assert.deepEqual(await world.alerts(), ['firing full web'])
  })

  it('are as they were after a restart, and are not told a second time', async () => {
    await using folder = await makeTemporaryFolder()
    {
      await using world = await openWorld(folder.path)
      await world.put('soon', { when: { status: ['offline'] }, for: '2m', severity: 'info' })
      await world.put('at-once', { when: { status: ['offline'] }, severity: 'info' })
      await world.node('web')
      await world.be('web', 'offline')
      await world.round()
    }
    await using world = await openWorld(folder.path, 100)
    assert.deepEqual(await world.alerts(), ['firing at-once web', 'pending soon web'])
    await world.round(40)
    assert.deepEqual(await world.alerts(), ['firing at-once web', 'firing soon web'])
    const told = (await world.messages()).filter((message) => message.includes('at-once'))
    assert.deepEqual(told, ['alert.firing at-once web'])
  })

  it('are of what programs send too, by name and labels', async () => {
    await using world = await openWorld()
    const node = await world.node('web')
    const name = 'shop.orders_open{shop!="test"}'
    await world.put('orders', { when: { metric: { name, above: 5 } }, severity: 'info' })
    await world.put('lost', {
      when: { increase: { name: 'shop.lost', within: '5m' } },
      severity: 'info',
    })
    const send = (berlin: number, lost: number) =>
      world.measureShop(node, {
        'orders_open{shop="berlin"}': berlin,
        'orders_open{shop="test"}': 99,
        'lost{by="a"}': lost,
        'lost{by="b"}': 7,
      })
    await send(5, 1)
    await world.round()
    assert.deepEqual(await world.alerts(), [])
    await send(6, 1)
    await world.round()
    assert.deepEqual(await world.alerts(), ['firing orders web'])
    await send(6, 2)
    await world.round()
    assert.deepEqual(await world.alerts(), ['firing lost web', 'firing orders web'])
    const { items } = (await world.plane.admin.listAlerts({ query: { rule: 'orders' } })).body
    assert.equal(items[0]?.summary, 'shop.orders_open{shop="berlin"} is 6, above 5')
  })

  it('are of a plexd that starts again and again, and not of one that does once', async () => {
    await using world = await openWorld()
    const node = await world.node('web')
    const live = async (...uptimes: number[]) => {
      for (const uptime_seconds of uptimes) {
        await world.measureStats(node, { uptime_seconds })
        await world.round(20)
      }
    }
    await live(20, 40, 5, 25)
    assert.deepEqual(await world.alerts(), [])
    await live(7, 27, 9)
    assert.deepEqual(await world.alerts(), ['firing agent-restarts web'])
  })

  it('follow liveness within a second', async () => {
    await using world = await openWorld()
    await world.put('down', { when: { status: ['offline'] }, severity: 'critical' })
    await world.node('web')
    await world.round()
    await world.be('web', 'offline')
    await world.round(1)
    assert.deepEqual(await world.alerts(), ['firing down web'])
    await world.be('web', 'online')
    await world.round(1)
    assert.deepEqual(await world.alerts(), ['resolved down web'])
  })

  it('fire once by what has happened, until it is past', async () => {
    await using world = await openWorld()
    const node = await world.node('web')
    await world.measureStats(node, { queue_dropped: 5 })
    await world.round(2 * 3_600)
    assert.deepEqual(await world.alerts(), [])
    await world.measureStats(node, { queue_dropped: 6 })
    const violation = { type: 'hook', path: '/x', detail: '' }
    await world.append(node, 'violations', [violation])
    await world.round()
    const both = ['firing integrity-mismatch web', 'firing queue-dropping web']
    assert.deepEqual(await world.alerts(), both)
    await world.measureStats(node, { queue_dropped: 6 })
    await world.round(20 * minute)
    assert.deepEqual(await world.alerts(), [
      'firing integrity-mismatch web',
      'resolved queue-dropping web',
    ])
    await world.round(60 * minute)
    assert.equal((await world.messages()).length, 4)
  })

  it('are resolved with their rule, and with their node', async () => {
    await using world = await openWorld()
    await world.put('one', { when: { status: ['offline'] }, severity: 'info' })
    await world.put('two', { when: { status: ['offline'] }, severity: 'info' })
    await world.node('web')
    await world.be('web', 'offline')
    await world.round()
    await world.plane.admin.deleteAlertRule({ params: { alert_rule: 'one' } })
    await world.put('two', { when: { status: ['offline'] }, selector: 'a=b', severity: 'info' })
    await world.round()
    await world.put('three', { when: { status: ['offline'] }, severity: 'info' })
    await world.round()
    await world.plane.admin.removeNode({ params: { node: 'web' } })
    await world.round(1)
    const { items } = (await world.plane.admin.listAlerts({ query: {} })).body
    const reasons = items.map(({ rule, node, reason }) => [rule, node, reason])
    assert.deepEqual(reasons.sort(), [
      ['one', 'web', 'the rule was deleted'],
      ['three', 'web', 'the node was removed'],
      ['two', 'web', 'the rule is not for the node any more'],
    ])
  })

  it('are not told while they are silenced, and are when that is over', async () => {
    await using world = await openWorld()
    const { admin } = world.plane
    await world.put('down', { when: { status: ['offline'] }, severity: 'info' })
    for (const name of ['web', 'db']) {
      await world.node(name)
      await world.be(name, 'offline')
    }
    const silence = { rule: 'down', node: 'web', for: '10m', reason: 'new disk' }
    const { body } = await admin.createAlertSilence({ body: silence })
    await world.round()
    assert.deepEqual(await world.messages(), ['alert.firing down db'])
    const listed = (await admin.listAlerts({})).body.items
    const untilOf = (name: string) =>
      listed.find(({ rule, node }) => rule === 'down' && node === name)?.silenced_until
    assert.deepEqual([untilOf('web'), untilOf('db')], [body.ends_at, null])
    await world.round(9 * minute)
    assert.equal((await world.messages()).length, 1)
    await world.round(minute)
    assert.deepEqual((await world.messages()).slice(1), ['alert.firing down web'])
    await admin.createAlertSilence({ body: { selector: '*', for: '1h', reason: 'storm' } })
    await world.be('web', 'online')
    await world.round()
    assert.deepEqual((await world.messages()).slice(2), ['alert.resolved down web'])
    await assert.rejects(admin.endAlertSilence({ params: { alert_silence: body.id } }), {
      status: 409,
    })
  })

  it('past the limit of a webhook the oldest messages are dropped and counted', async () => {
    await using world = await openWorld()
    await world.node('web')
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await world.put(name, { when: { status: ['pending'] }, selector: '!x', severity: 'info' })
      await world.round()
    }
    const [webhook] = (await world.plane.admin.listAlertWebhooks({})).body.items
    assert.deepEqual([webhook?.waiting, webhook?.dropped], [5, 1])
    assert.equal((await world.messages())[0], 'alert.firing b web')
  })
})

type Rule = Parameters<TestControlPlane['admin']['putAlertRule']>[0]['body']

const diskAbove = (above: number) =>
  ({ name: 'node_resources.disk_used', of: 'node_resources.disk_total', above }) as const

/** A control plane whose time passes only in rounds, with a webhook that nothing is sent to. */
async function openWorld(dataDir?: string, laterSeconds = 0) {
  const clock = createFakeClock(Date.UTC(2025, 0, 15, 10, 30) + laterSeconds * 1_000)
  const config = { limits: { alert_messages: 5 } }
  const plane = await startControlPlane({ clock, config, ...(dataDir ? { dataDir } : {}) })
  const { app, admin } = plane
  if ((await admin.listAlertWebhooks({})).body.items.length === 0) {
    await admin.createAlertWebhook({ body: { name: 'ops', url: 'https://127.0.0.1:1/' } })
    await admin.deleteAlertRule({ params: { alert_rule: 'node-silent' } })
  }
  const idOf = (name: string) => [...app.fleet.allNodes()].find((node) => node.hostname === name)
  const append = async (nodeId: string, kind: 'metrics' | 'violations', records: object[]) => {
    const source = { tenant_id: app.firstTenantId, node_id: nodeId }
    await app.telemetry.append({ kind, source, records: records.map((one) => JSON.stringify(one)) })
  }
  const measure = (group: string) => (nodeId: string, data: object) =>
    append(nodeId, 'metrics', [{ timestamp: new Date(clock.now()).toISOString(), group, data }])

  return {
    plane,
    append,
    measure: measure('node_resources'),
    measureStats: measure('agent_stats'),
    measureShop: measure('shop'),
    node: async (hostname: string) => (await plane.enrol(hostname)).node_id,
    put: (name: string, body: Rule) => admin.putAlertRule({ params: { alert_rule: name }, body }),
    async be(hostname: string, status: NodeStatus) {
      const node = idOf(hostname)
      assert.ok(node)
      await app.change((unit) => changeNode(unit, { ...node, status }))
    },
    async round(seconds = 15) {
      clock.stall(seconds * 1_000)
      await app.alerting.judge()
    },
    async alerts() {
      const { items } = (await admin.listAlerts({ query: {} })).body
      return items.map(({ state, rule, node }) => `${state} ${rule} ${node}`).sort()
    },
    /** What waits for the webhook, oldest first. */
    async messages() {
      const found: string[] = []
      const { body } = await admin.listAlertWebhooks({})
      const rows = await readAll(plane, body.items[0]?.id ?? '')
      for (const text of rows) {
        const { type, data } = JSON.parse(text) as AlertMessage
        found.push([type, data.rule, ...data.alerts.map(({ node }) => node)].join(' '))
      }
      return found
    },
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  }
}

async function readAll({ app }: TestControlPlane, webhookId: string): Promise<string[]> {
  const rows = await app.store.reader
    .selectFrom('alert_messages')
    .select('body')
    .where('webhook_id', '=', webhookId)
    .orderBy('no')
    .execute()
  assert.equal((await readFirstMessage(app.store.reader, webhookId))?.body, rows[0]?.body)
  return rows.map(({ body }) => body)
}
