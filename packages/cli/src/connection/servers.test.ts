import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { freePort } from '@plexd/runtime/testing'
import { type AdminServer, failure, type Reply, startAdminServer } from '../testing/admin-server.ts'
import { type Bench, startBench } from '../testing/run.ts'

const listLine = 'GET /admin/v1/signing-keys'
const waits = failure(503, 'the control plane is waiting')
const cuts: Reply = (_request, response) => void response.socket?.destroy()

describe('several control planes', () => {
  it('are asked in turn until one takes the connection and serves', async () => {
    await using two = await startTwo({ one: waits, two: { items: [] } })
    const gone = `http://127.0.0.1:${await freePort()}`
    for (const servers of [
      ['--server', gone, '--server', two.one.url, '--server', two.two.url],
      ['--server', `${gone}, ${two.one.url},${two.two.url}`],
    ])
      assert.equal((await two.run([...servers, 'signing-key', 'list', '--json'])).stdout, '[]\n')
    const env = { PLEXCTL_SERVER: `${two.one.url},${two.two.url}` }
    assert.equal((await two.run(['signing-key', 'list', '--json'], { env })).stdout, '[]\n')
    assert.equal(two.two.requests.length, 3)
  })

  it('are kept in the config file, as a list of its own too', async () => {
    await using two = await startTwo({ one: waits, two: { items: [] } })
    await two.run(['config', 'set', '--server', two.one.url, '--server', two.two.url])
    const env = { PLEXCTL_SERVER: '' }
    assert.equal((await two.run(['signing-key', 'list', '--json'], { env })).stdout, '[]\n')
    await two.file(
      'plexctl/config.yaml',
      `server: [${two.one.url}, ${two.two.url}]\ninsecure_http: true\n`,
    )
    assert.equal((await two.run(['signing-key', 'list', '--json'], { env })).stdout, '[]\n')
  })

  it('are not asked in turn after a refusal', async () => {
    await using two = await startTwo({ one: failure(409, 'taken'), two: { items: [] } })
    await assert.rejects(two.run([...two.servers, 'signing-key', 'list']), /taken/)
    assert.equal(two.two.requests.length, 0)
  })

  it('are all named where none serves', async () => {
    await using two = await startTwo({ one: waits, two: waits })
    await assert.rejects(two.run([...two.servers, 'signing-key', 'list']), {
      message: `none of 2 control planes serves: "${two.one.url}": the control plane is waiting; "${two.two.url}": the control plane is waiting`,
      exitCode: 5,
    })
  })

  it('read on at the next one when the connection is lost', async () => {
    await using two = await startTwo({ one: cuts, two: { items: [] } })
    assert.equal((await two.run([...two.servers, 'signing-key', 'list', '--json'])).stdout, '[]\n')
  })

  it('do not get a second time what may be done already', async () => {
    await using two = await startTwo({ one: cuts, two: { items: [] } })
    await assert.rejects(two.run([...two.servers, ...change]), {
      message: `POST /admin/v1/signing-keys/rotate was sent to the control plane at "${two.one.url}", and the connection was lost before it answered: it may be done or not, so it was sent to no other one: look whether it is done before you run this again`,
      exitCode: 5,
    })
    assert.equal(two.two.requests.length, 0)
  })

  it('get a file that is sent only when one of them is known to serve', async () => {
    const path = '/admin/v1/artifacts/plexd/1.5.0/linux/amd64'
    const [asks, puts] = ['GET /admin/v1/whoami', `PUT ${path}`]
    await using one = await startAdminServer({ [asks]: waits })
    await using two = await startAdminServer({ [asks]: {}, [puts]: failure(409, 'taken') })
    await using bench = await startBench()
    const file = await bench.file('plexd', 'a build')
    const platform = ['--version', '1.5.0', '--os', 'linux', '--arch', 'amd64']
    const servers = ['--server', one.url, '--server', two.url]
    await assert.rejects(bench.run([...servers, 'artifact', 'upload', file, ...platform]), /taken/)
    assert.deepEqual(one.lines(), [asks])
    assert.deepEqual([two.lines(), two.requests[1]?.text], [[asks, puts], 'a build'])
  })

  it('get a change where nothing was sent to the one before, or it did not serve', async () => {
    await using two = await startTwo({ one: waits, two: failure(409, 'taken') })
    const gone = `http://127.0.0.1:${await freePort()}`
    await assert.rejects(two.run(['--server', gone, ...two.servers, ...change]), /taken/)
    assert.deepEqual(two.two.lines(), [changeLine])
  })
})

const change = ['signing-key', 'rotate']
const changeLine = 'POST /admin/v1/signing-keys/rotate'

interface Two extends AsyncDisposable, Pick<Bench, 'run' | 'file'> {
  one: AdminServer
  two: AdminServer
  /** The flags that name both. */
  servers: string[]
}

async function startTwo(replies: { one: Reply; two: Reply }): Promise<Two> {
  const script = (reply: Reply) => ({ [listLine]: reply, [changeLine]: reply })
  await using stack = new AsyncDisposableStack()
  const one = stack.use(await startAdminServer(script(replies.one)))
  const two = stack.use(await startAdminServer(script(replies.two)))
  const bench = stack.use(await startBench())
  const all = stack.move()
  return {
    one,
    two,
    servers: ['--server', one.url, '--server', two.url],
    run: bench.run,
    file: bench.file,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
