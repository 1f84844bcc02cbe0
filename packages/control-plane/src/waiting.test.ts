import assert from 'node:assert/strict'
import { copyFile, readFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { answerHeader } from '@plexd/protocol'
import { silentLog, systemClock } from '@plexd/runtime'
import { freePort, noPostgres, openForTests, startPostgres, until } from '@plexd/runtime/testing'
import { type ControlPlane, startControlPlane as start } from './control-plane.ts'
import { claimPostgres } from './store/postgres/claim.ts'
import {
  startControlPlane,
  type TestControlPlane,
  type TestSettings,
  testConfig,
} from './testing/harness.ts'
import { makeTemporaryFolder } from './testing/temporary-folder.ts'

interface Answer {
  status: number
  retryAfter: string | undefined
  /** Of the one that has answered. */
  life: string | undefined
  text: string
}

describe('a control plane that waits for its turn', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  /** One that serves, and another with the same master key that waits, on a machine that is the same here. */
  async function startTwo(
    settings: TestSettings = {},
    wayOf = async (url: string): Promise<string> => url,
  ) {
    await using stack = new AsyncDisposableStack()
    const databaseUrl = server.createDatabase()
    const folder = stack.use(await makeTemporaryFolder())
    const shared = { databaseUrl, insecureHttp: false }
    const first = stack.use(
      await startControlPlane({ config: { ...shared, databaseUrl: await wayOf(databaseUrl) } }),
    )
    await copyFile(join(first.dataDir, 'master.key'), join(folder.path, 'master.key'))
    const [port, metricsPort] = [await freePort(), await freePort()]
    const config = testConfig({
      dataDir: folder.path,
      ...shared,
      listen: { host: '127.0.0.1', port },
      metrics: { host: '127.0.0.1', port: metricsPort },
      adminSocket: join(folder.path, 'admin.sock'),
      ...settings,
    })
    const stop = new AbortController()
    const told: string[] = []
    const onWait = (words: string) => told.push(words)
    const signal = stop.signal
    const started = start(config, { clock: systemClock, log: silentLog, onWait, signal })
    let second: ControlPlane | undefined
    const settled = started.then(
      (plane) => {
        second = plane
      },
      () => {},
    )
    stack.defer(async () => {
      stop.abort()
      await settled
      await second?.[Symbol.asyncDispose]()
    })
    const ca = await readFile(join(first.dataDir, 'ca.crt'), 'utf8')
    const main = (path: string) => ask(https, { host: '127.0.0.1', port, path, ca })
    const opened = stack.move()
    return {
      ...{ first, config, told, stop, started, main },
      metrics: (path: string) => ask(http, { host: '127.0.0.1', port: metricsPort, path }),
      admin: (path: string) => ask(http, { socketPath: config.adminSocket, path }),
      isListening: () =>
        main('/healthz').then(
          () => true,
          () => false,
        ),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    }
  }

  it('is alive and not ready at its own doors, and says whom it waits for', async () => {
    await using two = await startTwo()
    await until('it listens', two.isListening)
    for (const door of [two.metrics, two.admin]) {
      assert.deepEqual(await statusesOf(door, '/health', '/healthz'), [200, 200])
      const { status, retryAfter, text } = await door('/readyz')
      assert.deepEqual([status, retryAfter], [503, '1'])
      const { error, code } = JSON.parse(text)
      assert.match(error, /^waiting: the control plane on ".+" \(process \d+, since .+\) serves$/)
      assert.equal(code, 'unavailable')
    }
    assert.deepEqual(
      await statusesOf(two.admin, '/admin/v1/whoami', '/v1/nodes/n_1/state', '/docs', '/nowhere'),
      [503, 503, 503, 503],
    )
    assert.deepEqual(await statusesOf(two.metrics, '/metrics'), [503])
  })

  it('passes on what nodes and operators ask, to the one that serves', async () => {
    await using two = await startTwo()
    await until('it listens', two.isListening)
    assert.deepEqual(
      await statusesOf(two.main, '/readyz', '/admin/v1/whoami', '/docs', '/nowhere'),
      [200, 401, 200, 404],
    )
    const told = await two.main('/admin/v1/whoami')
    assert.equal(told.life, two.first.app.life)
  })

  it('goes on to serve at the same doors, which are never shut', async () => {
    await using two = await startTwo()
    await until('it listens', two.isListening)
    const seen = new Set<number | string>()
    let isOver = false
    /** A connection that is passed on ends with who serves; one that is refused has found a door shut. */
    const ask = () =>
      two.main('/readyz').then(
        ({ status }) => status,
        (error: { code: string }) => error.code,
      )
    const watching = (async () => {
      while (!isOver) seen.add(await ask())
    })()
    await two.first[Symbol.asyncDispose]()
    await two.started
    await until('it is ready', async () => (await ask()) === 200)
    isOver = true
    await watching
    seen.delete('ECONNRESET')
    assert.deepEqual([...seen].toSorted(), [200, 503])
    assert.deepEqual(await statusesOf(two.metrics, '/readyz', '/metrics'), [200, 200])
    assert.equal((await two.admin('/admin/v1/whoami')).status, 401)
  })

  it('serves when the other one alone has lost the database, which finds that and ends', async () => {
    let cut = async (): Promise<void> => {}
    await using two = await startTwo({}, async (url) => {
      const way = await server.cuttable(url)
      cut = async () => {
        await way[Symbol.asyncDispose]()
      }
      return way.url
    })
    await until('it listens', two.isListening)
    await until('the first knows', () => two.first.app.controlPlanes.addresses().length === 1)
    await cut()
    await two.started
    const { message } = await two.first.app.failed
    assert.match(message, /it has not answered for \d+ s, and the control plane at ".+:\d+" serves/)
  })

  it('tries again where another has its port, and takes it when that has gone', async () => {
    const blocker = http.createServer()
    const port = await freePort()
    await new Promise<void>((resolve) => blocker.listen(port, '127.0.0.1', resolve))
    await using two = await startTwo({ listen: { host: '127.0.0.1', port } })
    await until('it answers elsewhere', () => two.admin('/healthz').then(isAlive, () => false))
    await new Promise((resolve) => blocker.close(resolve))
    const ca = await readFile(join(two.first.dataDir, 'ca.crt'), 'utf8')
    const main = () => ask(https, { host: '127.0.0.1', port, path: '/healthz', ca })
    await until('it listens', () => main().then(isAlive, () => false))
  })

  it('keeps the door of the nodes shut until there is an authority that they trust', async () => {
    await using folder = await makeTemporaryFolder()
    const databaseUrl = server.createDatabase()
    const log = silentLog
    const other = await claimPostgres({ url: databaseUrl }, { log, onLost: () => {} })
    const listen = { host: '127.0.0.1', port: await freePort() }
    const adminSocket = join(folder.path, 'admin.sock')
    const config = { databaseUrl, insecureHttp: false, listen, adminSocket }
    const started = startControlPlane({ dataDir: folder.path, config })
    const health = { path: '/healthz', ...listen, rejectUnauthorized: false }
    const admin = () => ask(http, { socketPath: adminSocket, path: '/healthz' })
    await until('it answers elsewhere', () => admin().then(isAlive, () => false))
    await assert.rejects(ask(https, health), { code: 'ECONNREFUSED' })

    await other[Symbol.asyncDispose]()
    await using _plane = await started
    assert.ok(isAlive(await ask(https, health)))
  })

  it('closes its doors when it is told to end', async () => {
    await using two = await startTwo()
    await until('it listens', two.isListening)
    two.stop.abort()
    await assert.rejects(two.started, { name: 'AbortError' })
    await assert.rejects(two.main('/healthz'), { code: 'ECONNREFUSED' })
    await assert.rejects(two.admin('/healthz'), { code: 'ENOENT' })
  })

  it('is listed with the one that serves, until it has ended', async () => {
    await using two = await startTwo()
    const list = async (plane: Pick<TestControlPlane, 'admin'>) =>
      (await plane.admin.listControlPlanes({})).body.items
    await until('both are there', async () => (await list(two.first)).length === 2)
    const [own, other] = await list(two.first)
    assert.deepEqual([own?.id, own?.state, own?.streams], [two.first.app.life, 'serving', 0])
    assert.deepEqual(
      [other?.state, other?.pid, other?.version],
      ['waiting', process.pid, own?.version],
    )
    two.stop.abort()
    await assert.rejects(two.started)
    assert.equal((await list(two.first)).length, 1)
  })
})

const isAlive = ({ status }: Answer): boolean => status === 200

async function statusesOf(
  door: (path: string) => Promise<Answer>,
  ...paths: readonly string[]
): Promise<number[]> {
  const answers: number[] = []
  for (const path of paths) answers.push((await door(path)).status)
  return answers
}

/** On a connection of its own. */
function ask(client: typeof http | typeof https, options: https.RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = client.get({ ...options, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
          life: response.headers[answerHeader.toLowerCase()] as string | undefined, // once
          text,
        }),
      )
    })
    request.on('error', reject)
  })
}
