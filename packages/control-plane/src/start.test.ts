import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { startControlPlane as startAlone } from './control-plane.ts'
import { openApp } from './open-app/open-app.ts'
import { openEnvironment } from './open-app/open-environment.ts'
import { takeTurn } from './open-app/turn.ts'
import { openMainDoor } from './serving/doors.ts'
import { createServers } from './serving/servers.ts'
import { startControlPlane, testConfig, withControlPlane } from './testing/harness.ts'
import { makeTemporaryFolder } from './testing/temporary-folder.ts'

describe('a start', () => {
  it('puts off who comes before it is known where nodes reach us', async () => {
    await using folder = await makeTemporaryFolder()
    const { config, web } = await withControlPlane(folder.path, async (plane) => ({
      config: plane.app.config,
      web: await plane.enrol('web'),
    }))
    const [clock, log] = [systemClock, silentLog]
    await using stack = new AsyncDisposableStack()
    const environment = openEnvironment(config, { clock, log, stack })
    const servers = createServers(environment)
    const database = stack.use(await takeTurn(environment, servers, {}))
    const app = stack.use(await openApp(environment, database))
    stack.use(servers)
    servers.serve(app)
    const { port } = await openMainDoor(servers, config)
    const put = () =>
      fetch(`http://127.0.0.1:${port}/v1/nodes/${web.node_id}/endpoint`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${web.token}`, 'content-type': 'application/json' },
        body: '{"public_endpoint":"203.0.113.1:1"}',
      })

    const health = await fetch(`http://127.0.0.1:${port}/healthz`)
    assert.equal(health.status, 200)
    const early = await put()
    assert.deepEqual([early.status, early.headers.get('retry-after')], [503, '1'])
    assert.match(await early.text(), /"the control plane is starting"/)

    app.servesAt(`http://127.0.0.1:${port}`)
    assert.equal((await put()).status, 200)
  })

  it('that fails leaves nothing open, whatever it fails at', async () => {
    await using folder = await makeTemporaryFolder()
    const artifacts = join(folder.path, 'artifacts')
    await writeFile(artifacts, '')
    const there = { dataDir: folder.path, config: { databaseUrl: undefined } }
    await assert.rejects(startControlPlane(there), /artifacts/)
    await rm(artifacts)
    await using _plane = await startControlPlane(there)
  })

  const stages = { 'before it begins': undefined, 'while it opens': 'control-plane.db' }
  for (const [when, file] of Object.entries(stages))
    it(`serves nobody when it is told to end ${when}`, async () => {
      await using folder = await makeTemporaryFolder()
      const config = testConfig({ dataDir: folder.path, databaseUrl: undefined, drainMs: 45_000 })
      const end = new AbortController()
      const listened: string[] = []
      const start = { clock: systemClock, log: silentLog, signal: end.signal }
      const started = startAlone(config, { ...start, onListening: (url) => listened.push(url) })
      const over = assert.rejects(started, { name: 'AbortError' })
      if (file) await until(`${file} is there`, () => existsSync(join(folder.path, file)))
      end.abort()
      await over
      assert.deepEqual(listened, [])
    })
})
