import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noPostgres, until } from '@plexd/runtime/testing'
import { startAgentProcess } from '../../scripts/programs/agent.ts'
import { runProgram, runToEnd } from '../../scripts/programs/program.ts'
import { openPostgres } from '../support/open-postgres.ts'
import { newPublicKey } from '../support/system.ts'
import { type Replica, startReplicas } from './start-replicas.ts'

describe('control planes on one database', { skip: noPostgres }, () => {
  const server = openPostgres()

  async function startAgent(
    home: string,
    { hostname, through, caFile }: { hostname: string; through: Replica; caFile: string },
  ) {
    const { token } = (await through.admin.createToken({ body: {} })).body
    const controlPlane = { url: through.process.url, caFile }
    return startAgentProcess(home, { hostname, token, controlPlane })
  }

  const put = ({ admin }: Replica, text: string) =>
    admin.putData({
      params: { key: 'motd' },
      body: { target: { selector: '*' }, content_type: 'text/plain', payload: text },
    })

  async function dataOf(socket: string): Promise<string> {
    const args = ['state', 'get', 'data', 'motd', '--socket', socket]
    return (await runProgram('plexd', args)).stdout.trim()
  }

  it('take every request, and their streams have what comes to another', async () => {
    await using it = await startReplicas(server, 3)
    const [one, two, three] = it.replicas
    const { caFile } = one.process
    await using agent = await startAgent(it.place, { hostname: 'web', through: two, caFile })
    const { items } = (await three.admin.listNodes({})).body
    assert.deepEqual(
      items.map(({ hostname }) => hostname),
      ['web'],
    )
    for (const [text, through] of [
      ['from one', one],
      ['from two', two],
      ['from three', three],
    ] as const) {
      await put(through, text)
      await until('the event has come', async () => (await dataOf(agent.socket)) === text)
    }
    const planes = (await two.admin.listControlPlanes({})).body.items
    assert.deepEqual(planes.map(({ state }) => state).toSorted(), ['serving', 'waiting', 'waiting'])
  })

  it('redeem a token once, however many ask for it and wherever', async () => {
    await using it = await startReplicas(server, 2)
    const [one, two] = it.replicas
    const { token } = (await one.admin.createToken({ body: {} })).body
    const asked = await Promise.allSettled(
      Array.from({ length: 64 }, (_, at) => {
        const body = { token, public_key: newPublicKey(), hostname: `n${at}`, capabilities: {} }
        return [one, two][at % 2]?.nodes().register({ body } as never)
      }),
    )
    assert.equal(asked.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal((await two.admin.listNodes({})).body.items.length, 1)
  })

  it('know whose a request is that was passed on, and take no such word of anybody else', async () => {
    await using it = await startReplicas(server, 2)
    const [one, two] = it.replicas
    const { caFile } = one.process
    for (const [at, { process }] of [one, two].entries()) {
      const from = `127.0.0.${7 + at}`
      const answer = await curl(process.url, caFile, [
        '--interface',
        from,
        '--data',
        '{',
        '/v1/register',
      ])
      assert.match(answer, /"code"/)
    }
    const nobody = await curl(one.process.url, caFile, ['--haproxy-protocol', '/healthz']).catch(
      ({ message }: Error) => message,
    )
    assert.match(nobody, /curl/)
  })

  it('are reached by their own names, of which the certificate of the one that serves has all', async () => {
    const names = [{ args: ['--tls-san', 'one.example'] }, { args: ['--tls-san', 'two.example'] }]
    await using it = await startReplicas(server, 2, names)
    const [one, two] = it.replicas
    for (const [{ process }, name] of [
      [one, 'one.example'],
      [two, 'two.example'],
    ] as const)
      await until(`${name} is in the certificate`, () =>
        curl(process.url, one.process.caFile, ['/healthz'], name).then(
          (text) => text !== '',
          () => false,
        ),
      )
  })

  for (const [title, end, goOn] of [
    ['is killed', ({ process }: Replica) => process.end('SIGKILL'), () => {}],
    [
      'is stopped without a word',
      async ({ process }: Replica) => void process.program().child.kill('SIGSTOP'),
      ({ process }: Replica) => void process.program().child.kill('SIGCONT'),
    ],
  ] as const)
    it(`go on when the one that serves ${title}`, async (t) => {
      await using it = await startReplicas(server, 2)
      const [one, two] = it.replicas
      const { caFile } = one.process
      await using agent = await startAgent(it.place, { hostname: 'db', through: two, caFile })
      await put(one, 'before')
      await until('the event has come', async () => (await dataOf(agent.socket)) === 'before')

      const startMs = performance.now()
      await end(one)
      await until('another one takes writes', () =>
        put(two, 'after').then(
          () => true,
          () => false,
        ),
      )
      t.diagnostic(`writes again after ${Math.round(performance.now() - startMs)} ms`)
      await until('the event has come', async () => (await dataOf(agent.socket)) === 'after')
      t.diagnostic(`events again after ${Math.round(performance.now() - startMs)} ms`)
      goOn(one)
      const { items } = (await two.admin.listNodes({})).body
      assert.deepEqual(
        items.map(({ status }) => status),
        ['online'],
      )
    })

  it('go on when the database was away', async () => {
    await using it = await startReplicas(server, 2)
    const [one, two] = it.replicas
    const { caFile } = one.process
    await using agent = await startAgent(it.place, { hostname: 'web', through: two, caFile })
    await put(two, 'before')
    await until('the event has come', async () => (await dataOf(agent.socket)) === 'before')
    await server.end()
    await assert.rejects(put(two, 'never'), { status: 503 })
    await server.start()
    await until('writes are taken', () =>
      put(two, 'after').then(
        () => true,
        () => false,
      ),
    )
    await until('the event has come', async () => (await dataOf(agent.socket)) === 'after')
  })
})

/** Of this name, where it is one that no resolver has. */
async function curl(
  url: string,
  caFile: string,
  args: readonly string[],
  name = '127.0.0.1',
): Promise<string> {
  const { port } = new URL(url)
  const path = args.at(-1)
  const { code, stdout, stderr } = await runToEnd('curl', [
    ...['--silent', '--show-error', '--cacert', caFile, '--connect-to', `::127.0.0.1:${port}`],
    ...args.slice(0, -1),
    `https://${name}:${port}${path}`,
  ])
  if (code !== 0) throw new Error(`curl: ${stderr}`)
  return stdout
}
