import assert from 'node:assert/strict'
import http from 'node:http'
import { before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { importVerifyKey, refusalOf } from '@plexd/protocol'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { changeNode } from '../../changes/nodes.ts'
import { pruneEvents } from '../../jobs/prune-events.ts'
import {
  type EventReader,
  openEventReader,
  placeOf,
  type ReceivedBlock,
} from '../../testing/event-reader.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

describe('GET /v1/nodes/{node_id}/events', () => {
  // One node moves for all of these.
  const plane = openControlPlane({ config: { limits: { endpoint_changes: 1_000 } } })
  let web: EnrolledNode
  let db: EnrolledNode
  before(async () => {
    ;[web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
  })

  it('answers 200 with a stream that no proxy may hold back, and a comment at once', async () => {
    await using reader = await open(plane, web)
    assert.equal(reader.status, 200)
    assert.equal(reader.headers['content-type'], 'text/event-stream')
    assert.equal(reader.headers['cache-control'], 'no-cache, no-transform')
    assert.equal(reader.headers['x-accel-buffering'], 'no')
    await until('a comment comes', () => reader.comments.length === 1)
  })

  it('answers 401 without a token, 404 for a node nobody knows, 403 for that of another', async () => {
    const status = (path: string, token?: string) => get(`${plane.url}${path}`, token)
    assert.equal(await status(`/v1/nodes/${web.node_id}/events`), 401)
    assert.equal(await status(`/v1/nodes/${web.node_id}/events`, 'plx_node_nobody'), 401)
    assert.equal(await status('/v1/nodes/n_nobody/events', web.token), 404)
    assert.equal(await status(`/v1/nodes/${db.node_id}/events`, web.token), 403)
  })

  it('starts from now on without a cursor', async () => {
    await moveTo(db, 1)
    await using reader = await open(plane, web)
    await moveTo(db, 2)
    const { payload } = await reader.next()
    assert.equal(payload.endpoint, '203.0.113.1:2')
  })

  it('resumes behind the cursor with the same ids, and new signatures that verify', async () => {
    await using first = await open(plane, web)
    const [a, b] = [await sent(first, db, 3), await sent(first, db, 4)]

    await using second = await open(plane, web, a.id)

    const again = await second.next()
    assert.equal(again.id, b.id)
    assert.equal(again.envelope.event_id, b.envelope.event_id)
    assert.equal(again.envelope.payload, b.envelope.payload)
    assert.notEqual(again.envelope.nonce, b.envelope.nonce)
    const keys = [await importVerifyKey(web.signing_public_key)]
    for (const block of [a, b, again])
      assert.equal(await refusalOf(block.envelope, { keys, nowMs: Date.now() }), undefined)
  })

  it('replays nothing to a node that has everything', async () => {
    await using first = await open(plane, web)
    const { id } = await sent(first, db, 5)
    await using second = await open(plane, web, id)
    await moveTo(db, 6)
    assert.equal((await second.next()).payload.endpoint, '203.0.113.1:6')
    assert.equal(second.blocks.length, 1)
  })

  it('ends the older stream of a node, and leaves those of others alone', async () => {
    await using old = await open(plane, web)
    await using others = await open(plane, db)
    await using newest = await open(plane, web)
    await old.ended
    await moveTo(db, 7)
    await newest.next()
    await moveTo(web, 7)
    await others.next()
  })

  it('keeps two machines with one identity from putting each other out in a hot loop', async () => {
    let connects = 0
    const stop = AbortSignal.timeout(1_500)
    // As a Go node does: back at once.
    const clone = async (): Promise<void> => {
      while (!stop.aborted) {
        await using reader = await open(plane, web)
        connects++
        await Promise.race([
          reader.ended,
          new Promise((end) => stop.addEventListener('abort', end)),
        ])
      }
    }
    await Promise.all([clone(), clone()])
    assert.ok(connects <= 6, `${connects} connects`)
  })

  describe('with a cursor that it cannot go on from', () => {
    const cases: [name: string, cursor: (plane: TestControlPlane) => string, reason: string][] = [
      ['no position at all', () => 'abc', 'the last event id is not one of ours'],
      ['of another log', () => 'other-1-a', 'the last event id is of another event log'],
      [
        'ahead of the log',
        ({ app }) => app.heads.positionOf(999_999),
        'the last event id is ahead of the event log',
      ],
    ]
    for (const [name, cursor, reason] of cases) {
      it(`(${name}) tells the node to resync, and goes on from now`, async () => {
        await moveTo(db, 100)
        const { body } = await web.api.getState({ params: web })
        await using reader = await open(plane, web, cursor(plane))

        const block = await reader.next()
        assert.equal(block.envelope.event_type, 'resync')
        assert.deepEqual(block.payload, { reason })
        assert.equal(block.id, body.revision)
        const keys = [await importVerifyKey(web.signing_public_key)]
        assert.equal(await refusalOf(block.envelope, { keys, nowMs: Date.now() }), undefined)
        await moveTo(db, 101)
        assert.equal((await reader.next()).payload.endpoint, '203.0.113.1:101')
        assert.equal(reader.blocks.length, 2)
      })
    }

    it('(older than the log) tells the node to resync', async () => {
      await using small = await startControlPlane({ config: { eventLogMax: 2 } })
      const [a, b] = [await small.enrol('a'), await small.enrol('b')]
      const { body } = await a.api.getState({ params: a })
      for (let port = 1; port <= 5; port++) await moveTo(b, port)
      await pruneEvents(small.app)

      await using reader = await open(small, a, body.revision)

      const { payload, id } = await reader.next()
      assert.deepEqual(payload, { reason: 'the last event id is older than the event log' })
      assert.equal(placeOf(id), (await a.api.getState({ params: a })).body.revision)
    })

    it('asks for a pull with the next heartbeat, until there was one', async () => {
      const hint = async () => (await web.api.heartbeat({ params: web, body: {} })).body.reconcile
      await web.api.getState({ params: web })
      assert.equal(await hint(), undefined)
      await moveTo(db, 102)
      await using _ = await open(plane, web, 'other-1-a')
      assert.equal(await hint(), true)
      await web.api.getState({ params: web })
      assert.equal(await hint(), undefined)
    })
  })

  it('loses nothing and sends nothing twice while changes and reconnects race', async () => {
    const { body } = await web.api.getState({ params: web })
    const seen: ReceivedBlock[] = []
    let cursor = body.revision ?? ''
    let done = false
    const changes = (async () => {
      for (let port = 1_000; port < 1_150; port += 3)
        await Promise.all([moveTo(db, port), moveTo(db, port + 1), moveTo(db, port + 2)])
    })().finally(() => {
      done = true
    })
    while (!done) {
      await using reader = await open(plane, web, cursor)
      await delay(Math.random() * 20)
      seen.push(...reader.blocks)
      cursor = reader.blocks.at(-1)?.id ?? cursor
    }
    await changes
    await using last = await open(plane, web, cursor)
    const head = plane.app.heads.revisionOf(plane.app.fleet.node(web.node_id)?.no ?? 0)
    while ((last.blocks.at(-1)?.id ?? cursor) !== head) await last.next()
    seen.push(...last.blocks)

    const rows = await plane.app.store.reader
      .selectFrom('events')
      .select('event_id')
      .where('seq', '>', Number(body.revision?.split('-')[1]))
      .orderBy('seq')
      .execute()
    assert.deepEqual(
      seen.map(({ envelope }) => envelope.event_id),
      rows.map(({ event_id }) => event_id),
    )
  })

  it('sends an unanswered action again on each connect, without moving the cursor, until its deadline', async () => {
    const clock = createFakeClock()
    await using slow = await startControlPlane({ clock })
    const node = await slow.enrol('web-01')
    const seq = await dispatch(slow, node, { executionId: 'exec_1', ttlMs: 60_000 })
    const cursor = slow.app.heads.positionOf(seq)

    for (const lastEventId of [cursor, undefined, 'other-1-a']) {
      await using reader = await open(slow, node, lastEventId)
      const block = await reader.next('action_request')
      assert.equal(block.id, undefined)
      assert.equal(block.payload.execution_id, 'exec_1')
    }
    await using behind = await open(slow, node, slow.app.heads.positionOf(0))
    assert.equal(placeOf((await behind.next('action_request')).id), cursor)
    assert.equal(behind.blocks.length, 1)

    await clock.advance(60_000)
    await using late = await open(slow, node, cursor)
    await using replay = await open(slow, node, slow.app.heads.positionOf(0))
    await delay(100)
    assert.deepEqual([late.blocks, replay.blocks], [[], []])
  })

  it('keeps every line under 60,000 bytes, splitting what is longer', async () => {
    await using reader = await open(plane, web)
    const metadata = Object.fromEntries(
      Array.from({ length: 3_000 }, (_, index) => [
        `label-${index}`,
        '😀'.repeat(30 + (index % 7)),
      ]),
    )
    await relabel(plane, web, metadata)
    const block = await reader.next('node_state_updated')
    assert.ok(block.data.length > 120_000)
    assert.deepEqual(block.payload.metadata, metadata)
    assert.ok(reader.longestLine() <= 60_000)
    const keys = [await importVerifyKey(web.signing_public_key)]
    assert.equal(await refusalOf(block.envelope, { keys, nowMs: Date.now() }), undefined)
    await relabel(plane, web, {})
  })

  it('sends a resync under the same id in place of what no line can hold', async () => {
    await using reader = await open(plane, web)
    await relabel(plane, web, { big: 'x'.repeat(70_000) })
    const { payload } = await reader.next('resync')
    assert.deepEqual(payload, { reason: '"node_state_updated" is too long for the stream' })
    assert.ok(reader.longestLine() <= 60_000)
    const hint = async () => (await web.api.heartbeat({ params: web, body: {} })).body.reconcile
    // For who does not know the type.
    assert.equal(await hint(), true)
    await web.api.getState({ params: web })
    assert.equal(await hint(), undefined)
    await relabel(plane, web, {})
  })

  it('keeps a stream alive with comments, and cuts a reader that takes nothing for 30 s', async () => {
    const clock = createFakeClock()
    await using slow = await startControlPlane({ clock })
    const [a, b] = [await slow.enrol('a'), await slow.enrol('b')]
    await using idle = await open(slow, a)
    await using stuck = await open(slow, b)
    await clock.advance(15_000)
    await until('another comes', () => idle.comments.length === 2)
    assert.deepEqual(idle.comments, ['connected', 'keep-alive'])

    stuck.pause()
    await relabel(slow, b, { big: 'x'.repeat(50_000) })
    // More than the kernel's buffers take.
    for (let round = 0; round < 200; round++) await emitState(slow, b)
    // When it falls behind depends on how fast this machine makes them.
    await until('it is cut off', async () => {
      await clock.advance(20_000)
      return slow.app.streams.count() < 2
    })

    stuck.resume()
    await stuck.ended
    assert.equal(slow.app.streams.count(), 1)
    // Back with its cursor, it gets the rest.
    const cursor = stuck.blocks.at(-1)?.id
    await using back = await open(slow, b, cursor)
    const head = slow.app.heads.revisionOf(2)
    while (placeOf(back.blocks.at(-1)?.id) !== head) await back.next()
    const ids = [...stuck.blocks, ...back.blocks].map(({ id }) => Number(id?.split('-')[1]))
    assert.deepEqual(
      ids,
      ids.toSorted((x, y) => x - y),
    )
    assert.equal(new Set(ids).size, ids.length)
  })

  it('is signed once for all who get the same, and for each where there is a PSK', async () => {
    await using third = await plane.enrol('cache-01').then(async (node) => open(plane, node))
    await using reader = await open(plane, web)
    await moveTo(db, 200)
    const [one, two] = [await third.next(), await reader.next()]
    assert.equal(one.data, two.data)

    await plane.enrol('cache-02')
    const [mine, theirs] = [await third.next('peer_added'), await reader.next('peer_added')]
    assert.equal(mine.envelope.event_id, theirs.envelope.event_id)
    assert.notEqual(mine.payload.psk, theirs.payload.psk)
  })

  it('ends when the node is removed, and then answers 401', async () => {
    const gone = await plane.enrol('gone-01')
    await using reader = await open(plane, gone)
    await gone.api.deregister({ params: gone })
    await reader.ended
    assert.equal(await get(`${plane.url}/v1/nodes/${gone.node_id}/events`, gone.token), 401)
  })

  it('ends when the control plane stops, which answers 503 with Retry-After from then on', async () => {
    await using stopping = await startControlPlane()
    const node = await stopping.enrol('web-01')
    await using reader = await open(stopping, node)

    stopping.app.stop()
    stopping.app.streams.endAll()
    await reader.ended

    await using refused = await open(stopping, node)
    assert.equal(refused.status, 503)
    assert.equal(refused.headers['retry-after'], '1')
    const startMs = performance.now()
    await stopping[Symbol.asyncDispose]()
    assert.ok(performance.now() - startMs < 20_000)
  })
})

function open(
  { url }: TestControlPlane,
  node: EnrolledNode,
  lastEventId?: string,
): Promise<EventReader> {
  return openEventReader(url, {
    token: node.token,
    nodeId: node.node_id,
    ...(lastEventId === undefined ? {} : { lastEventId }),
  })
}

/** One event for all peers of the node. */
async function moveTo(node: EnrolledNode, port: number): Promise<void> {
  await node.api.putEndpoint({ params: node, body: { public_endpoint: `203.0.113.1:${port}` } })
}

async function sent(reader: EventReader, node: EnrolledNode, port: number): Promise<ReceivedBlock> {
  await moveTo(node, port)
  return reader.next()
}

async function relabel(
  { app }: TestControlPlane,
  { node_id }: EnrolledNode,
  metadata: Record<string, string>,
): Promise<void> {
  await app.change(async (unit) => {
    const node = unit.fleet.node(node_id)
    if (node) await changeNode(unit, { ...node, labels: metadata })
  })
}

async function emitState({ app }: TestControlPlane, { node_id }: EnrolledNode): Promise<void> {
  const no = app.fleet.node(node_id)?.no ?? 0
  await app.change(async (unit) =>
    unit.emit({ type: 'node_state_updated', to: [{ no }], payload: {} }),
  )
}

async function dispatch(
  { app }: TestControlPlane,
  { node_id }: EnrolledNode,
  { executionId, ttlMs }: { executionId: string; ttlMs: number },
): Promise<number> {
  return app.change(async (unit) => {
    const node = unit.fleet.node(node_id)
    const event = unit.emit({
      type: 'action_request',
      to: [{ no: node?.no ?? 0 }],
      payload: { execution_id: executionId, action: 'ping' },
    })
    await unit.tx
      .insertInto('executions')
      .values({
        id: executionId,
        tenant_id: node?.tenant_id ?? '',
        node_id,
        action: 'ping',
        type: 'builtin',
        parameters: '{}',
        checksum: null,
        timeout: '30s',
        status: 'pending',
        reason: '',
        exit_code: null,
        stdout: '',
        stderr: '',
        duration: '',
        raw_status: null,
        triggered_by: '{}',
        result_digest: null,
        event_seq: event?.seq ?? 0,
        created_at: unit.nowMs,
        deadline_at: unit.nowMs + ttlMs,
        expires_at: null,
        held_until: null,
        sent_at: unit.nowMs,
        acked_at: null,
        cancel_requested_at: null,
        cancel_seq: null,
        late: 0,
        finished_at: null,
      })
      .execute()
    return event?.seq ?? 0
  })
}

function get(url: string, token?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    http
      .get(url, { headers, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      .on('error', reject)
  })
}
