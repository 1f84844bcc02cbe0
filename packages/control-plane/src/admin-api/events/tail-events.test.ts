import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { describe, it } from 'node:test'
import type { EventRecord } from '@plexd/protocol'
import { startControlPlane, type TestControlPlane } from '../../testing/harness.ts'

describe('the tail of what a node is sent', () => {
  it('shows the log from its beginning, then what comes, without secrets', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const db = await plane.enrol('db')
    await using tail = await openTail(plane, 'web', '0')
    const added = await tail.next()
    assert.deepEqual([added.event_type, added.node_id], ['peer_added', web.node_id])
    assert.deepEqual([added.node_hostname, added.payload_of], ['web', 'event'])
    assert.equal((added.payload as { id: string }).id, db.node_id)
    assert.ok(!JSON.stringify(added).includes('psk'))
    await plane.admin.putSecret({
      params: { key: 'k' },
      body: { target: { node_id: web.node_id }, value: 's3cret' },
    })
    const updated = await tail.next()
    assert.deepEqual(updated.payload, { secret_refs: [{ key: 'k', version: 1 }] })
    await plane.admin.setNodeMetadata({
      params: { node: 'web' },
      body: { set: { big: 'x'.repeat(1_000) } },
    })
    assert.equal((await tail.next()).event_type, 'node_state_updated')
  })

  it('says where a payload is of now, because the log has none', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const params = { node: 'web' }
    for (const at of ['then', 'now'])
      await plane.admin.setNodeMetadata({ params, body: { set: { at } } })
    await plane.admin.renameNode({ params, body: { hostname: 'www' } })

    await using tail = await openTail(plane, web.node_id, '0')

    const seen = [await tail.next(), await tail.next(), await tail.next()]
    assert.deepEqual(seen[0]?.payload, { metadata: { at: 'now' }, data: [] })
    assert.deepEqual(
      seen.map(({ event_type, payload_of }) => [event_type, payload_of]),
      [
        ['node_state_updated', 'now'],
        ['node_state_updated', 'now'],
        ['resync', 'event'],
      ],
    )
    assert.equal(seen[0]?.node_hostname, 'www')
  })

  it('begins now when it is told nothing, and behind an id when it is told one', async () => {
    await using plane = await startControlPlane()
    await plane.enrol('web')
    await plane.enrol('db')
    await using all = await openTail(plane, 'web', '0')
    const { id } = await all.next()
    await using tail = await openTail(plane, 'web', id)
    await using fresh = await openTail(plane, 'web')
    await plane.enrol('cache')
    const ids = new Set([(await all.next()).id, (await tail.next()).id, (await fresh.next()).id])
    assert.equal(ids.size, 1)
  })

  it('refuses an id of another log, and an unknown node', async () => {
    await using plane = await startControlPlane()
    await plane.enrol('web')
    for (const [node, after, status] of [
      ['web', 'other-7', 400],
      ['web', 'x', 400],
      ['nobody', '0', 404],
    ] as const) {
      await using tail = await openTail(plane, node, after)
      assert.equal(tail.status, status)
    }
  })

  it('ends with the token it was opened with', async () => {
    await using plane = await startControlPlane()
    await plane.enrol('web')
    const { body } = await plane.admin.createAdminToken({ body: { name: 'eyes', role: 'viewer' } })
    await using tail = await openTail(plane, 'web', undefined, body.token)
    await plane.admin.revokeAdminToken({ params: { token_id: body.id } })
    await tail.ended
  })

  it('counts with the streams of logs and audit records towards the limit of an operator', async () => {
    await using plane = await startControlPlane({ config: { limits: { operator_tails: 1 } } })
    await plane.enrol('web')
    await using tail = await openTail(plane, 'web')
    await using refused = await openTail(plane, 'web')
    assert.deepEqual([tail.status, refused.status], [200, 429])
  })
})

interface Tail extends AsyncDisposable {
  status: number
  /** Resolves when the server has ended it. */
  ended: Promise<unknown>
  next(): Promise<EventRecord>
}

async function openTail(
  plane: TestControlPlane,
  node: string,
  after?: string,
  token = plane.adminToken,
): Promise<Tail> {
  const path = `/admin/v1/nodes/${node}/events${after === undefined ? '' : `?after=${after}`}`
  const request = http.get(plane.url + path, { headers: { authorization: `Bearer ${token}` } })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const records: EventRecord[] = []
  let rest = ''
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines)
      if (line.startsWith('data: ')) records.push(JSON.parse(line.slice('data: '.length)))
  })
  response.on('error', () => {})
  return {
    status: response.statusCode ?? 0,
    ended: new Promise((resolve) => response.on('end', resolve)),
    async next() {
      while (records.length === 0)
        await once(response, 'data', { signal: AbortSignal.timeout(5_000) })
      return records.shift() as EventRecord // there is one
    },
    async [Symbol.asyncDispose]() {
      request.destroy()
    },
  }
}
