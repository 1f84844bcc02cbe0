import assert from 'node:assert/strict'
import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import {
  noPostgres,
  openEventStream,
  openForTests,
  startPostgres,
  until,
} from '@plexd/runtime/testing'
import { examineControlPlane } from './doctor/doctor.ts'
import { resetAdminToken } from './start/admin-token-reset.ts'
import {
  startControlPlane,
  type TestControlPlane,
  testConfig,
  withControlPlane,
} from './testing/harness.ts'
import { aSealedChunk } from './testing/sealed-chunk.ts'
import { makeTemporaryFolder } from './testing/temporary-folder.ts'

const recorded = '{"version":2,"width":80,"height":24,"timestamp":1}\n[0,"o","canary"]\n'

describe('a control plane whose state is in PostgreSQL', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  const overTls = (databaseUrl: string) => ({ databaseUrl, insecureHttp: false })

  it('answers from memory while the server is away, changes nothing, and goes on when it is back', async () => {
    await using plane = await startControlPlane({
      config: { databaseUrl: server.createDatabase() },
    })
    const web = await plane.enrol('web')
    const path = `/v1/nodes/${web.node_id}/events`
    using stream = await openEventStream({ url: plane.url, path, token: web.token })
    const readiness = async () => (await fetch(`${plane.url}/readyz`)).status
    const create = () => plane.admin.createToken({ body: {} })
    assert.equal(await readiness(), 200)
    await web.api.getState({ params: web })

    await server.end()
    await until('it is not ready', async () => (await readiness()) === 503)
    await assert.rejects(create(), { status: 503, retryAfterSeconds: 5 })
    assert.equal((await web.api.getState({ params: web })).status, 200)
    assert.equal((await web.api.heartbeat({ params: web, body: {} })).status, 200)

    await server.start()
    await until('it is ready', async () => (await readiness()) === 200)
    await create()
    await plane.admin.putData({
      params: { key: 'k' },
      body: { target: { node_id: web.node_id }, content_type: 'text/plain', payload: 'x' },
    })
    await stream.find('node_state_updated')
  })

  it('is taken over on another machine that has the master key: nodes trust it, it has what they logged, and the token of the first operator is good', async () => {
    const [first, second] = [await makeTemporaryFolder(), await makeTemporaryFolder()]
    await using _folders = { [Symbol.asyncDispose]: () => removeAll(first, second) }
    const config = overTls(server.createDatabase())
    const record = { timestamp: new Date().toISOString(), message: 'of the first' }
    await withControlPlane(
      first.path,
      async (plane) => {
        const web = await plane.enrol('web')
        await web.api.sendLogs({ params: web, body: Buffer.from(JSON.stringify(record)) })
      },
      config,
    )
    for (const name of ['master.key', 'admin-token'])
      await copyFile(join(first.path, name), join(second.path, name))

    await withControlPlane(
      second.path,
      async (plane) => {
        const { items } = (await plane.admin.listNodes({})).body
        assert.deepEqual(
          items.map(({ hostname }) => hostname),
          ['web'],
        )
        const params = { node: items[0]?.id ?? '', kind: 'logs' } as const
        const logs = (await plane.admin.listTelemetry({ params, query: {} })).body.items
        assert.partialDeepStrictEqual(logs, [{ record }])
      },
      config,
    )
    const authorities = [first, second].map(({ path }) => readFile(join(path, 'ca.crt'), 'utf8'))
    assert.equal(new Set(await Promise.all(authorities)).size, 1)
  })

  it('serves artifacts and recordings that another machine has taken', async () => {
    const [first, second] = [await makeTemporaryFolder(), await makeTemporaryFolder()]
    await using _folders = { [Symbol.asyncDispose]: () => removeAll(first, second) }
    const config = { databaseUrl: server.createDatabase() }
    const params = { version: '1.5.0', os: 'linux', arch: 'amd64' }
    const binary = Buffer.alloc(1_000_000, 'plexd ')
    const told = await withControlPlane(
      first.path,
      async (plane) => {
        const web = await plane.enrol('web')
        await plane.admin.putArtifact({ params, body: binary })
        const { session_id, key } = await plane.record(web)
        await web.api.uploadRecording({
          params: { ...web, session_id, chunk: '0' },
          body: new Uint8Array(aSealedChunk(key, { session_id, index: 0, text: recorded })),
        })
        return { token: web.token, session_id }
      },
      config,
    )
    for (const name of ['master.key', 'admin-token'])
      await copyFile(join(first.path, name), join(second.path, name))
    await rm(first.path, { recursive: true })

    await withControlPlane(
      second.path,
      async ({ url, adminToken }) => {
        const get = (path: string, token: string, headers = {}) =>
          fetch(`${url}/${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } })
        const path = 'v1/artifacts/plexd/1.5.0/linux/amd64'
        const whole = await get(path, told.token)
        assert.ok(Buffer.from(await whole.arrayBuffer()).equals(binary))
        const part = await get(path, told.token, { range: 'bytes=131070-131081' })
        assert.deepEqual([part.status, await part.text()], [206, 'plexd plexd '])
        const played = await get(`admin/v1/sessions/${told.session_id}/recording`, adminToken)
        assert.match(await played.text(), /"canary"/)
      },
      config,
    )
  })

  it('has the series of metrics that another has kept, wherever it is served from', async () => {
    const [first, second] = [await makeTemporaryFolder(), await makeTemporaryFolder()]
    await using _folders = { [Symbol.asyncDispose]: () => removeAll(first, second) }
    const config = { databaseUrl: server.createDatabase() }
    const send = async (plane: TestControlPlane, hostname: string, orders: number) => {
      const timestamp = new Date(systemClock.now() - 1_000).toISOString()
      const node = await plane.enrol(hostname)
      const body = Buffer.from(JSON.stringify([{ timestamp, group: 'shop', data: { orders } }]))
      await node.api.sendMetrics({ params: node, body })
    }
    /** What each node has sent, when all of it is there. */
    const valuesOf = async (plane: TestControlPlane, nodes: number) => {
      const query = { name: 'shop.orders', since: '24h', step: '1h' }
      const { series } = await until('the series', async () => {
        const { body } = await plane.admin.queryMetrics({ query })
        return body.series.length === nodes && body
      })
      return Object.fromEntries(
        series.map(({ node_hostname, points }) => [
          node_hostname,
          points.map(({ value }) => value),
        ]),
      )
    }

    await withControlPlane(first.path, (plane) => send(plane, 'web', 7), config)
    for (const name of ['master.key', 'admin-token'])
      await copyFile(join(first.path, name), join(second.path, name))
    await withControlPlane(
      second.path,
      async (plane) => {
        assert.deepEqual(await valuesOf(plane, 1), { web: [7] })
        await send(plane, 'db', 9)
      },
      config,
    )
    for (const { path } of [first, second])
      await withControlPlane(
        path,
        async (plane) => assert.deepEqual(await valuesOf(plane, 2), { web: [7], db: [9] }),
        config,
      )
  })

  it('is not started without its master key, nor with another one', async () => {
    const [first, second] = [await makeTemporaryFolder(), await makeTemporaryFolder()]
    await using _folders = { [Symbol.asyncDispose]: () => removeAll(first, second) }
    const config = { databaseUrl: server.createDatabase() }
    await withControlPlane(first.path, async () => {}, config)
    const start = () => withControlPlane(second.path, async () => {}, config)

    await assert.rejects(start(), /master\.key": it is missing, and the database is sealed with it/)
    await withControlPlane(second.path, async () => {}, { databaseUrl: server.createDatabase() })
    await assert.rejects(start(), /master\.key": the database is sealed under another one/)
  })

  it('is not started on a data folder whose state is there', async () => {
    await using folder = await makeTemporaryFolder()
    await withControlPlane(folder.path, async () => {}, { databaseUrl: undefined })
    await assert.rejects(
      withControlPlane(folder.path, async () => {}, { databaseUrl: server.createDatabase() }),
      /"\/.*control-plane\.db" is the database of an installation/,
    )
  })

  it('is examined by the doctor, and its first operator gets another token', async () => {
    await using folder = await makeTemporaryFolder()
    const databaseUrl = server.createDatabase()
    const config = testConfig({ dataDir: folder.path, databaseUrl })
    const before = await withControlPlane(folder.path, async (plane) => plane.adminToken, {
      databaseUrl,
    })
    const findings = await examineControlPlane(config, Date.now())
    const about = (check: string) => findings.find((one) => one.check === check)
    assert.match(about('PostgreSQL')?.detail ?? '', /schema \d+, served from by no control plane/)
    assert.match(about('master key')?.detail ?? '', /which opens the database/)
    assert.equal(about('database')?.state, 'ok')

    const path = await resetAdminToken(config, { clock: systemClock, log: silentLog })
    assert.notEqual((await readFile(path, 'utf8')).trim(), before)
    await withControlPlane(
      folder.path,
      async (plane) => {
        const headers = { authorization: `Bearer ${before}` }
        const { status } = await fetch(`${plane.url}/admin/v1/whoami`, { headers })
        assert.equal(status, 401)
        await plane.admin.whoAmI({})
        await assert.rejects(
          resetAdminToken(config, { clock: systemClock, log: silentLog }),
          /the control plane on ".*" \(process \d+, since .*\) serves from the database: stop that first/,
        )
      },
      { databaseUrl },
    )
  })
})

async function removeAll(...folders: readonly AsyncDisposable[]): Promise<void> {
  for (const folder of folders) await folder[Symbol.asyncDispose]()
}
