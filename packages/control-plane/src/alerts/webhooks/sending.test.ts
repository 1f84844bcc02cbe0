import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { adminApi, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { createFakeClock, serve, until } from '@plexd/runtime/testing'
import { startProcess } from '../../testing/child.ts'
import { startControlPlane } from '../../testing/harness.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

interface Received {
  id: string
  body: string
  isSigned(secret: string): boolean
}

describe('a webhook', () => {
  it('is sent what fires, signed, and later what is resolved, though it fails now and then', async () => {
    await using receiver = await startReceiver()
    await using world = await openWorld(receiver.url)
    receiver.answers(503, 429)
    await world.fire('a')
    await world.send()
    await world.send()
    assert.deepEqual([receiver.got.length, await world.state()], [1, [1, 0, 0, 'it answered 503']])
    await world.send(7)
    assert.equal(receiver.got.length, 2)
    receiver.answers(200)
    await world.fire('b')
    await world.send(3_600)
    const [first, second, third, fourth] = receiver.got
    assert.ok(first && third && fourth)
    assert.deepEqual([first.id, first.body], [second?.id, second?.body])
    assert.equal(third.id, first.id)
    assert.notEqual(fourth.id, first.id)
    assert.ok([first, third, fourth].every((message) => message.isSigned(world.secret)))
    assert.deepEqual(await world.state(), [0, 2, 0, ''])
  })

  it('that refuses a message is not sent it again, and redirects are not followed', async () => {
    await using elsewhere = await startReceiver()
    await using receiver = await startReceiver()
    await using world = await openWorld(receiver.url)
    receiver.redirectsTo(elsewhere.url)
    await world.fire('a')
    await world.send()
    assert.equal(receiver.got.length, 1)
    assert.deepEqual(await world.state(), [0, 0, 1, 'it answered 307: redirects are not followed'])
    receiver.answers(410)
    await world.fire('b')
    await world.send()
    assert.deepEqual(await world.state(), [0, 0, 2, 'it answered 410'])
    assert.equal(elsewhere.got.length, 0)
  })

  it('that takes nothing for a day misses what has waited as long', async () => {
    await using receiver = await startReceiver()
    await using world = await openWorld(receiver.url)
    receiver.answers(500)
    await world.fire('a')
    await world.send()
    await world.send(25 * 3_600)
    assert.deepEqual(await world.state(), [0, 0, 1, 'it answered 500'])
  })

  it('is tried once by a test, which says what came of it', async () => {
    await using receiver = await startReceiver()
    await using world = await openWorld(receiver.url)
    const { admin } = world.plane
    const test = async () =>
      (await admin.testAlertWebhook({ params: { alert_webhook: 'ops' } })).body
    assert.deepEqual(await test(), { delivered: true, error: '' })
    receiver.answers(404)
    assert.deepEqual(await test(), { delivered: false, error: 'it answered 404' })
    assert.match(receiver.got[0]?.body ?? '', /"type":"alert\.test"/)
  })

  it('gets a message again, under its id, if the control plane is killed before it knows that it was taken', async () => {
    await using folder = await makeTemporaryFolder()
    await using receiver = await startReceiver()
    const { url } = receiver
    {
      await using world = await openWorld(url, { dataDir: folder.path, startMs: Date.now() })
      await world.fire('a')
    }
    const args = ['--data-dir', folder.path, '--listen', '127.0.0.1:0', '--insecure-http']
    receiver.holds()
    {
      await using child = await startProcess([...args, '--log-level', 'error'])
      await until('the message', () => receiver.got.length > 0)
      await child.kill('SIGKILL')
    }
    receiver.answers(200)
    await using child = await startProcess([...args, '--log-level', 'error'])
    await until('the message again', () => receiver.got.length > 1)
    assert.equal(receiver.got[1]?.id, receiver.got[0]?.id)
    using transport = createHttpTransport({ baseUrl: child.url, userAgent: 'test' })
    const token = await readFile(join(folder.path, 'admin-token'), 'utf8')
    const admin = createClient(adminApi, transport, () => token.trim())
    await until('it is known to be taken', async () => {
      const [webhook] = (await admin.listAlertWebhooks({})).body.items
      return webhook?.waiting === 0 && webhook.delivered === 1
    })
  })
})

/** Answers 200 until it is told otherwise; of several answers the last one stays. */
async function startReceiver() {
  const got: Received[] = []
  let statuses = [200]
  let location: string | undefined
  let isHolding = false
  const server = await serve((request, response) => void answer(request, response))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    got.push(receivedOf(request, body))
    if (isHolding) return
    const status = statuses.length > 1 ? statuses.shift() : statuses[0]
    response.writeHead(status ?? 200, location === undefined ? {} : { location }).end()
  }

  return {
    got,
    url: `${server.url}/hook?to=ops`,
    answers(...next: number[]) {
      isHolding = false
      statuses = next
    },
    redirectsTo(url: string) {
      statuses = [307]
      location = url
    },
    holds() {
      isHolding = true
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

function receivedOf({ method, url, headers }: IncomingMessage, body: string): Received {
  assert.deepEqual([method, url], ['POST', '/hook?to=ops'])
  const id = String(headers['webhook-id'])
  return {
    id,
    body,
    isSigned(secret) {
      const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
      const signed = `${id}.${headers['webhook-timestamp']}.${body}`
      const signature = createHmac('sha256', key).update(signed).digest('base64')
      return headers['webhook-signature'] === `v1,${signature}`
    },
  }
}

/** One with a node and the webhook, whose time passes only as it is told. */
async function openWorld(
  url: string,
  { dataDir, startMs }: { dataDir?: string; startMs?: number } = {},
) {
  const clock = createFakeClock(startMs)
  const plane = await startControlPlane({ clock, ...(dataDir ? { dataDir } : {}) })
  const { app, admin } = plane
  const { body } = await admin.createAlertWebhook({
    body: { name: 'ops', url, allow_http: true },
  })
  await plane.enrol('web')
  return {
    plane,
    secret: body.secret,
    /** Has a new rule fire, of that name. */
    async fire(name: string) {
      const when = { status: ['pending' as const] }
      await admin.putAlertRule({ params: { alert_rule: name }, body: { when, severity: 'info' } })
      clock.stall(15_000)
      await app.alerting.judge()
    },
    /** Sends what is due after that time, until nothing is. */
    async send(seconds = 0) {
      clock.stall(seconds * 1_000)
      await app.alerting.start()
      await app.alerting.idle()
    },
    /** How many messages wait, were delivered and were dropped, and the last error. */
    async state() {
      const [webhook] = (await admin.listAlertWebhooks({})).body.items
      return [webhook?.waiting, webhook?.delivered, webhook?.dropped, webhook?.last_error]
    },
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  }
}
