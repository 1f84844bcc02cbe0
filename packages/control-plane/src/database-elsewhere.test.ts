import assert from 'node:assert/strict'
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import {
  noPostgres,
  openEventStream,
  startPostgres,
  type TestPostgres,
  until,
} from '@plexd/runtime/testing'
import { examineControlPlane } from './doctor/doctor.ts'
import { resetAdminToken } from './start/admin-token-reset.ts'
import { startControlPlane, testConfig, withControlPlane } from './testing/harness.ts'
import { makeTemporaryFolder } from './testing/temporary-folder.ts'

describe('a control plane whose state is in PostgreSQL', { skip: noPostgres }, () => {
  let server: TestPostgres
  before(async () => {
    server = await startPostgres()
  })
  after(() => server[Symbol.asyncDispose]())

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
    await withControlPlane(folder.path, async () => {})
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
