import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { openEventReader } from '../../testing/event-reader.ts'
import { startControlPlane } from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

describe('GET /v1/nodes/{node_id}/state', () => {
  const plane = openControlPlane()

  it('has everything of the seed, and nothing that Go cannot read', async () => {
    const node = await plane.enrol('full-01', { metadata: { environment: 'production' } })
    await plane.admin.putData({
      params: { key: 'database-config' },
      body: {
        target: { selector: 'environment=production' },
        content_type: 'application/json',
        payload: { host: 'db.internal', port: 5432 },
      },
    })
    await plane.admin.putSecret({
      params: { key: 'tls-cert' },
      body: { target: { node_id: node.node_id }, value: 'PEM' },
    })

    const { status, body, headers } = await node.api.getState({ params: node })

    assert.equal(status, 200)
    assert.equal(headers.etag, `"${body.revision}"`)
    assert.deepEqual(body.metadata, { environment: 'production' })
    assert.deepEqual(body.secret_refs, [{ key: 'tls-cert', version: 1 }])
    const [entry] = body.data
    assert.deepEqual(entry, {
      key: 'database-config',
      content_type: 'application/json',
      payload: { host: 'db.internal', port: 5432 },
      version: 1,
      updated_at: entry?.updated_at,
    })
    assert.ok(Date.parse(entry?.updated_at ?? '') > 0)
    assert.deepEqual(body.signing_keys, {
      current: node.signing_public_key,
      previous: null,
      transition_expires: null,
    })
    const [policy] = body.policies
    assert.match(policy?.id ?? '', /^pol_[0-9a-z]+$/)
    assert.deepEqual(policy?.rules, [
      { src: '10.100.0.0/16', dst: '10.100.0.0/16', port: 0, protocol: '', action: 'allow' },
    ])
    assert.equal(body.node_id, node.node_id)
    assert.equal(body.mesh_ip, node.mesh_ip)
    assert.ok(!JSON.stringify(body).includes('PEM'))
  })

  it('answers 304 to the revision that is current, without a look at the database', async () => {
    const node = await plane.enrol('tag-01')
    const { headers } = await node.api.getState({ params: node })
    const etag = headers.etag ?? ''
    const { reader } = plane.app.store
    const select = reader.selectFrom
    reader.selectFrom = () => {
      throw new Error('not to be asked')
    }
    try {
      for (const tag of [etag, `W/${etag}`, `"other", ${etag}`]) {
        const again = await node.api.getState({ params: node, headers: { 'if-none-match': tag } })
        assert.equal(again.status, 304)
        assert.equal(again.headers.etag, etag)
        assert.equal(again.body, undefined)
      }
    } finally {
      reader.selectFrom = select
    }
  })

  it('answers 200 to another revision, to "*", and to everyone who names none', async () => {
    const node = await plane.enrol('tag-02')
    for (const tag of ['"other-1"', '*', ''])
      assert.equal(
        (await node.api.getState({ params: node, headers: { 'if-none-match': tag } })).status,
        200,
      )
    const { headers } = await node.api.getState({ params: node })
    const peer = await plane.enrol('tag-03')
    await peer.api.heartbeat({ params: peer, body: {} })
    const { status } = await node.api.getState({
      params: node,
      headers: { 'if-none-match': headers.etag ?? '' },
    })
    assert.equal(status, 200)
  })

  it('answers 304 to who has all but what its stream is bringing, for ten seconds; then, and without a stream, 200', async () => {
    const clock = createFakeClock(Date.now())
    await using own = await startControlPlane({ clock })
    const [web, db] = [await own.enrol('web-01'), await own.enrol('db-01')]
    let port = 1
    const move = () =>
      db.api.putEndpoint({ params: db, body: { public_endpoint: `203.0.113.3:${port++}` } })
    const pull = async (revision: string) => {
      const tag = { 'if-none-match': `"${revision}"` }
      const { status, headers } = await web.api.getState({ params: web, headers: tag })
      return { status, etag: headers.etag }
    }
    const { revision = '' } = (await web.api.getState({ params: web })).body
    await move()
    assert.equal((await pull(revision)).status, 200)
    await using reader = await openEventReader(own.url, {
      token: web.token,
      nodeId: web.node_id,
      lastEventId: revision,
    })
    const { id: first = '' } = await reader.next()
    assert.deepEqual(await pull(revision), { status: 304, etag: `"${revision}"` })

    await clock.advance(10_000)
    assert.equal((await pull(revision)).status, 200)
    assert.equal((await pull(first)).status, 304)

    await move()
    const { id: second = '' } = await reader.next()
    assert.equal((await pull(revision)).status, 200)
    assert.deepEqual(await pull(first), { status: 304, etag: `"${first}"` })
    assert.deepEqual(await pull(second), { status: 304, etag: `"${second}"` })

    own.app.streams.endAll()
    assert.equal((await pull(first)).status, 200)
    assert.equal((await pull(second)).status, 304)
  })

  it('answers 200 to the revision of an event behind a stream that began with none, until what was before is pulled', async () => {
    await using own = await startControlPlane()
    const web = await own.enrol('web-01')
    const unseen = await own.enrol('between-01')
    await using reader = await openEventReader(own.url, { token: web.token, nodeId: web.node_id })
    await own.enrol('db-01')
    const { id } = await reader.next('peer_added')
    const pull = (tag = '') =>
      web.api.getState({ params: web, headers: { 'if-none-match': `"${tag}"` } })

    const { status, body } = await pull(id)
    assert.equal(status, 200)
    assert.ok(body.peers.some((peer) => peer.id === unseen.node_id))
    assert.equal((await pull(body.revision)).status, 304)
    await own.enrol('cache-01')
    assert.equal((await pull((await reader.next('peer_added')).id)).status, 304)
  })

  it('gives both sides of a pair the same PSK, and every pair another', async () => {
    await using own = await startControlPlane()
    const nodes = [await own.enrol('a'), await own.enrol('b'), await own.enrol('c')]
    const psks = new Map<string, string>()
    for (const node of nodes) {
      const { body } = await node.api.getState({ params: node })
      for (const { id, psk } of body.peers) {
        const pair = [id, node.node_id].sort().join()
        assert.equal(psks.get(pair) ?? psk, psk)
        psks.set(pair, psk)
      }
    }
    assert.equal(new Set(psks.values()).size, 3)
  })

  it('names no revision of before for what came after, across a restart that finds an empty log', async () => {
    await using own = await startControlPlane({ config: { eventLogMax: 1 } })
    const [a, b] = [await own.enrol('a'), await own.enrol('b')]
    const before = (await a.api.getState({ params: a })).body.revision
    await b.api.putEndpoint({ params: b, body: { public_endpoint: '203.0.113.3:1' } })
    const { pruneEvents } = await import('../../jobs/prune-events.ts')
    await own.enrol('c')
    await pruneEvents(own.app)
    const { loadHeads } = await import('../../events/heads.ts')
    const heads = await loadHeads(own.app.store.reader, {
      life: 'next',
      nodes: [1, 2, 3, 99],
    })
    assert.notEqual(heads.revisionOf(1), before)
    assert.equal(heads.canResume(1, Number(before?.split('-')[1])), false)
    assert.equal(heads.last(), own.app.heads.last())
    // A node the log says nothing of may have missed all that was pruned.
    assert.equal(heads.of(99), heads.prunedThrough())
  })

  it('gives Go nodes ids of policies that change with their rules, and others the plain ones', async () => {
    await using own = await startControlPlane()
    const go = await own.enrol('go', { userAgent: 'plexd/dev', capabilities: null })
    const ours = await own.enrol('ours')
    const ids = async (node: typeof go) =>
      (await node.api.getState({ params: node })).body.policies.map(({ id }) => id)
    const [before, plain] = [await ids(go), await ids(ours)]
    assert.match(before[0] ?? '', new RegExp(`^${plain[0]}@`))

    await own.admin.putPolicy({
      params: { name: 'allow-all' },
      body: { name: 'allow-all', rules: [{ from: '*', to: '*', port: 22, action: 'allow' }] },
    })

    assert.notDeepEqual(await ids(go), before)
    assert.deepEqual(await ids(ours), plain)
    const told = await ids(go)
    await go.api.putCapabilities({ params: go, body: { builtin_actions: [] } })
    assert.deepEqual(await ids(go), told)
    const upgraded = own.clientFor(go.token, 'plexd/2.0 (node)')
    await upgraded.heartbeat({ params: go, body: {} })
    assert.deepEqual(await ids(go), plain)
  })

  it('answers 401, 403 and 404 to the wrong caller', async () => {
    const [a, b] = [await plane.enrol('auth-01'), await plane.enrol('auth-02')]
    const call = (token: string, node_id: string) =>
      plane.clientFor(token).getState({ params: { node_id } })
    await assert.rejects(call('nobody', a.node_id), isError(401, 'unauthorized'))
    await assert.rejects(call(a.token, b.node_id), isError(403, /another node/))
    await assert.rejects(call(a.token, 'n_nobody'), isError(404, 'unknown node'))
  })
})
