import assert from 'node:assert/strict'
import { chown, copyFile, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { noPostgres, openForTests, startPostgres, unseal } from '@plexd/runtime/testing'
import { limits } from '../limits.ts'
import { readMove } from '../store/place/moved.ts'
import { type TestSettings, withControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { type MoveOptions, moveDatabase } from './move.ts'

describe('the state of a data folder', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  const move = (dataDir: string, url: string, options: Partial<MoveOptions> = {}) =>
    moveDatabase({
      ...{ dataDir, to: { url }, masterKeyFile: undefined, caKeyFile: undefined },
      telemetryMs: limits.telemetry_ms.default,
      ...{ clock: systemClock, log: silentLog, onProgress: () => {} },
      ...options,
    })

  it('is moved to PostgreSQL: nodes trust it and keep their tokens, secrets are readable, and the log has a new epoch', async () => {
    await using folder = await makeTemporaryFolder()
    const { web, revision, adminToken } = await install(folder.path)
    const certificate = await readFile(join(folder.path, 'ca.crt'), 'utf8')

    const url = server.createDatabase()
    const { move: moved, tables = [], authority } = await move(folder.path, url)
    for (const { table, source, target } of tables) assert.deepEqual(target, source, table)
    assert.deepEqual(authority, { key: 'sealed', file: join(folder.path, 'tls/ca.key') })
    assert.notEqual(moved.epoch, revision.split('-')[0])
    await rm(join(folder.path, 'tls/ca.key'))

    await withControlPlane(
      folder.path,
      async (plane) => {
        assert.equal(await readFile(join(folder.path, 'ca.crt'), 'utf8'), certificate)
        assert.equal(plane.adminToken, adminToken)
        const node = plane.clientFor(web.token)
        const state = (await node.getState({ params: web })).body
        assert.equal(state.revision?.split('-')[0], moved.epoch)
        const params = { ...web, key: 'password' }
        assert.equal(unseal(web.node_secret_key, (await node.getSecret({ params })).body), 'geheim')
        await plane.enrol('db')
        assert.equal((await plane.admin.listNodes({})).body.items.length, 2)
      },
      over(url),
    )
  })

  it('is in PostgreSQL from then on: no start goes past that, until it is taken back', async () => {
    await using folder = await makeTemporaryFolder()
    await install(folder.path)
    const url = server.createDatabase()
    const { move: moved } = await move(folder.path, url)

    const start = (databaseUrl?: string) =>
      withControlPlane(folder.path, async () => {}, over(databaseUrl))
    await assert.rejects(
      start(),
      /its state was moved to "postgres:\/\/localhost.*name that with database_url, or go back .*: mv \//,
    )
    await assert.rejects(
      start(server.createDatabase()),
      /its state was moved to ".*", and there is nothing in "/,
    )
    await assert.rejects(move(folder.path, server.createDatabase()), /it was moved to ".*" at /)
    await start(url)

    const file = join(folder.path, moved.aside, 'control-plane.db')
    await rename(file, join(folder.path, 'control-plane.db'))
    await withControlPlane(
      folder.path,
      async ({ admin }) => assert.equal((await admin.listNodes({})).body.items.length, 1),
      over(),
    )
    await assert.rejects(start(url), /control-plane\.db" is the database of an installation/)
    await move(folder.path, server.createDatabase())
  })

  it('is not moved while it is served, if it is not as this version leaves it, or sealed under another key', async () => {
    await using folder = await makeTemporaryFolder()
    const url = server.createDatabase()
    await assert.rejects(move(folder.path, url), /there is no "control-plane\.db" in it/)
    await withControlPlane(
      folder.path,
      () =>
        assert.rejects(move(folder.path, url), {
          message: `move the state of "${folder.path}": process ${process.pid} is running on it: stop that first`,
        }),
      over(),
    )
    const key = join(folder.path, 'master.key')
    await rename(key, `${key}.own`)
    await writeFile(key, `${Buffer.alloc(32, 1).toString('base64')}\n`, { mode: 0o600 })
    await assert.rejects(move(folder.path, url), /the database is sealed under another one/)
    await rename(`${key}.own`, key)

    setSchema(folder.path, 3)
    await assert.rejects(move(folder.path, url), /it has schema 3, .*start the control plane/)
    setSchema(folder.path, 1_000)
    await assert.rejects(move(folder.path, url), /it has schema 1000, and this version knows/)
    assert.equal(server.psql(url, "select to_regclass('tenants') is null").trim(), 't')
  })

  it('is moved into no database that has an installation, or is served from', async () => {
    await using folder = await makeTemporaryFolder()
    await using other = await makeTemporaryFolder()
    const url = server.createDatabase()
    await withControlPlane(folder.path, async () => {}, over())
    await withControlPlane(
      other.path,
      () => assert.rejects(move(folder.path, url), /the control plane on ".*" .* serves from "/),
      over(url),
    )
    await assert.rejects(move(folder.path, url), /there is an installation in ".*" already/)
    await withControlPlane(folder.path, async () => {}, over())
  })

  it('is where it was if the way to the server was lost before the commit, and moved if it was lost after it', async () => {
    for (const when of ['before', 'after'] as const) {
      await using folder = await makeTemporaryFolder()
      const { web } = await install(folder.path)
      const url = server.createDatabase()
      await using way = await server.cuttable(url)
      const cut = {
        onProgress: (text: string) => {
          if (/table (\d+) of \1$/.test(text)) way.cutNext(when)
        },
      }
      if (when === 'before') {
        await assert.rejects(move(folder.path, way.url, cut), /lost before the commit/)
        assert.equal(readMove(folder.path), undefined)
        await withControlPlane(folder.path, (plane) => plane.enrol('db'), over())
        await move(folder.path, url)
      } else await move(folder.path, way.url, cut)
      await withControlPlane(
        folder.path,
        (plane) => plane.clientFor(web.token).getState({ params: web }),
        over(url),
      )
    }
  })

  it('is served from nowhere if the end was interrupted, before the command was repeated', async () => {
    await using folder = await makeTemporaryFolder()
    const { web } = await install(folder.path)
    const url = server.createDatabase()
    const { move: moved } = await move(folder.path, url)
    // As it is just before the commit, and just after it.
    const file = join(folder.path, 'control-plane.db')
    await rename(join(folder.path, moved.aside, 'control-plane.db'), file)
    await writeFile(
      join(folder.path, 'database.json'),
      JSON.stringify({ ...moved, state: 'moving' }),
    )
    await using again = await makeTemporaryFolder()
    for (const name of ['control-plane.db', 'database.json', 'master.key', 'ca.crt'])
      await copyFile(join(folder.path, name), join(again.path, name))

    for (const databaseUrl of [undefined, url])
      await assert.rejects(
        withControlPlane(folder.path, async () => {}, over(databaseUrl)),
        /moving its state to ".*" was interrupted in the end: repeat "plexd-control-plane migrate/,
      )
    const elsewhere = server.createDatabase()
    await assert.rejects(move(folder.path, elsewhere), /was interrupted: name that database/)
    assert.equal((await move(folder.path, url)).tables, undefined)
    await withControlPlane(
      folder.path,
      (plane) => plane.clientFor(web.token).getState({ params: web }),
      over(url),
    )

    // The other one has been told that of a database which has nothing of it.
    const note = { ...moved, state: 'moving', to: moved.to.replace(/[^/]*$/, '') }
    note.to += new URL(elsewhere).pathname.slice(1)
    await writeFile(join(again.path, 'database.json'), JSON.stringify(note))
    assert.notEqual((await move(again.path, elsewhere)).tables, undefined)
  })

  it('leaves everything to the owner of the folder when root moves it', {
    skip: process.getuid?.() !== 0 && 'only root can give files away',
  }, async () => {
    await using folder = await makeTemporaryFolder()
    await install(folder.path)
    const paths = async () => [
      folder.path,
      ...(await readdir(folder.path, { recursive: true })).map((name) => join(folder.path, name)),
    ]
    for (const path of await paths()) await chown(path, nobody, nobody)
    await move(folder.path, server.createDatabase())
    for (const path of await paths()) assert.equal((await stat(path)).uid, nobody, path)
  })

  it('keeps the key of the authority where the settings have it', async () => {
    await using folder = await makeTemporaryFolder()
    const caKeyFile = join(folder.path, 'elsewhere.key')
    const config = { insecureHttp: false, databaseUrl: undefined, caKeyFile }
    await withControlPlane(folder.path, (plane) => plane.enrol('web'), config)
    const url = server.createDatabase()
    const { authority } = await move(folder.path, url, { caKeyFile })
    assert.deepEqual(authority, { key: 'elsewhere', file: caKeyFile })
    const query = 'select count(*) from authorities where key_sealed is null'
    assert.equal(server.psql(url, query).trim(), '1')
    await withControlPlane(folder.path, (plane) => plane.admin.whoAmI({}), {
      ...config,
      databaseUrl: url,
    })
  })
})

const nobody = 65_534

const over = (databaseUrl?: string): TestSettings => ({ databaseUrl, insecureHttp: false })

/** An installation with a node and a secret. */
function install(dataDir: string) {
  return withControlPlane(
    dataDir,
    async (plane) => {
      const web = await plane.enrol('web')
      await plane.admin.putSecret({
        params: { key: 'password' },
        body: { target: { node_id: web.node_id }, value: 'geheim' },
      })
      const { revision = '' } = (await web.api.getState({ params: web })).body
      return { web, revision, adminToken: plane.adminToken }
    },
    over(),
  )
}

function setSchema(dataDir: string, version: number): void {
  using database = new DatabaseSync(join(dataDir, 'control-plane.db'))
  database.prepare('update schema_version set version = ?').run(version)
}
