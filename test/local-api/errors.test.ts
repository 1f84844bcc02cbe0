import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { type CurlAnswer, curl, curlSocket } from '../support/curl.ts'
import { openSystem } from '../support/open-system.ts'

interface Refusal {
  when: string
  path: string
  args?: string[]
  status: number
  error: string
}

const write = (body: string, ...args: string[]): string[] => ['-X', 'PUT', '-d', body, ...args]
const good = JSON.stringify({ content_type: 'text/plain', payload: 'x' })
const key = '/v1/state/report/any'

/** Each row of the guide's table, but for those that need a listener, a user or an outage of their own. */
const refusals: Refusal[] = [
  ...['{"content_type":', '', '[]', '"text"', '{"content_type":1,"payload":1}'].map((body) => ({
    when: `a body that is not the JSON wanted: ${body || 'none'}`,
    path: key,
    args: write(body),
    status: 400,
    error: 'invalid JSON body',
  })),
  ...['{}', 'null', '{"payload":1}', '{"content_type":"","payload":1}'].map((body) => ({
    when: `no content type: ${body}`,
    path: key,
    args: write(body),
    status: 400,
    error: 'content_type is required',
  })),
  {
    when: 'no payload',
    path: key,
    args: write('{"content_type":"text/plain"}'),
    status: 400,
    error: 'payload must be valid JSON',
  },
  ...['"2"', '*', 'abc', '2.0'].map((version) => ({
    when: `If-Match ${version}`,
    path: key,
    args: write(good, '-H', `If-Match: ${version}`),
    status: 400,
    error: 'If-Match must be an integer',
  })),
  ...['a%2Fb', 'a%5Cb', '%2e%2e', '%2F..%2Fidentity'].map((name) => ({
    when: `the report key ${name}`,
    path: `/v1/state/report/${name}`,
    args: write(good),
    status: 400,
    error: 'invalid report key',
  })),
  ...['metadata', 'data', 'secrets', 'report'].map((noun) => ({
    when: `a key that is not in ${noun}`,
    path: `/v1/state/${noun}/nobody`,
    status: 404,
    error: 'not found',
  })),
  {
    when: 'a report to delete that is not there',
    path: key,
    args: ['-X', 'DELETE'],
    status: 404,
    error: 'not found',
  },
  {
    when: 'a first version that is not there',
    path: key,
    args: write(good, '-H', 'If-Match: 3'),
    status: 409,
    error: 'version conflict',
  },
]

describe('the Local Node API, by the table of its errors', () => {
  const system = openSystem()
  let agent: AgentProcess
  let tcp: string
  const token = randomBytes(32).toString('base64')

  before(async () => {
    const [tokenFile, config] = ['api-token', 'config.yaml'].map((name) =>
      join(system.folder, name),
    ) as [string, string] // two names, two paths
    const listen = `127.0.0.1:${await freePort()}`
    tcp = `http://${listen}`
    await writeFile(tokenFile, `${token}\n`, { mode: 0o600 })
    const http = { enabled: true, listen, token_file: tokenFile }
    await writeFile(config, JSON.stringify({ node_api: { http } }))
    agent = await system.startAgent('node-01', { args: ['--config', config] })
    await curlSocket(agent.socket, '/v1/state/report/existing', ...write(good))
  })

  const bearer = () => ['-H', `Authorization: Bearer ${token}`]
  const ways: [string, (path: string, ...args: string[]) => Promise<CurlAnswer>][] = [
    ['the Unix socket', (path, ...args) => curlSocket(agent.socket, path, ...args)],
    ['TCP', (path, ...args) => curl(...bearer(), ...args, tcp + path)],
  ]

  for (const [way, ask] of ways) {
    describe(`on ${way}`, () => {
      for (const { when, path, args = [], status, error } of refusals) {
        it(`answers ${status} "${error}" for ${when}`, async () => {
          const answer = await ask(path, ...args)
          assert.equal(answer.status, status, answer.text)
          assert.equal(answer.headers['content-type'], 'application/json')
          assert.deepEqual(answer.json(), { error })
        })
      }

      it('answers 400 for a body of more than 1 MiB', async () => {
        const file = join(system.folder, 'large')
        await writeFile(file, JSON.stringify({ content_type: 'a', payload: 'x'.repeat(2 ** 20) }))
        const answer = await ask(key, '-X', 'PUT', '-H', 'Expect:', '--data-binary', `@${file}`)
        assert.equal(answer.status, 400)
        assert.deepEqual(answer.json(), { error: 'invalid JSON body' })
      })

      it('answers 409 for If-Match 0 on an entry that exists', async () => {
        const path = '/v1/state/report/existing'
        const answer = await ask(path, ...write(good, '-H', 'If-Match: 0'))
        assert.equal(answer.status, 409)
      })

      it('stores a payload of null', async () => {
        const path = '/v1/state/report/null'
        const answer = await ask(path, ...write('{"content_type":"a","payload":null}'))
        assert.equal(answer.status, 200)
        assert.equal(answer.json<{ payload: unknown }>().payload, null)
      })

      it('answers an unknown path, and a key with a bare slash, as a router does', async () => {
        for (const path of ['/v1/nobody', '/v1/state/data/a/b', '/v1/state/']) {
          const answer = await ask(path)
          assert.equal(answer.status, 404, path)
          assert.equal(answer.text, '404 page not found\n')
          assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8')
          assert.equal(answer.headers['x-content-type-options'], 'nosniff')
        }
      })

      it('sends a path with dots in it to where it leads', async () => {
        for (const dots of ['..', '../state/data']) {
          const answer = await ask(`/v1/state/report/${dots}`)
          assert.equal(answer.status, 307, dots)
          assert.match(answer.headers.location ?? '', /^\/v1\/state/)
        }
      })

      it('answers a wrong method with 405 and what is allowed', async () => {
        const answer = await ask('/v1/state', '-X', 'POST', '-d', '')
        assert.equal(answer.status, 405)
        assert.equal(answer.headers.allow, 'GET, HEAD')
        const report = await ask(key, '-X', 'PATCH', '-d', '')
        assert.equal(report.headers.allow, 'DELETE, GET, HEAD, PUT')
      })

      it('answers HEAD with the headers of GET', async () => {
        const head = await ask('/v1/state/metadata', '--head')
        const got = await ask('/v1/state/metadata')
        assert.equal(head.status, 200)
        assert.equal(head.text, '')
        assert.equal(head.headers['content-length'], String(Buffer.byteLength(got.text)))
      })

      it('answers 304 to who has it', async () => {
        const { headers } = await ask('/v1/state/metadata')
        const match = `If-None-Match: ${headers.etag}`
        assert.equal((await ask('/v1/state/metadata', '-H', match)).status, 304)
      })
    })
  }

  it('answers 401 "unauthorized" on TCP for each request without the right token', async () => {
    const headers = [
      [],
      ['-H', 'Authorization: Bearer wrong'],
      ['-H', `Authorization: Basic ${token}`],
      ['-H', `Authorization: Bearer ${token}x`],
    ]
    for (const header of headers)
      for (const path of ['/v1/state', '/v1/state/secrets/any', '/v1/nobody', '/v1/status']) {
        const answer = await curl(...header, tcp + path)
        assert.equal(answer.status, 401)
        assert.deepEqual(answer.json(), { error: 'unauthorized' })
      }
  })

  it('answers on TCP what it answers on the socket', async () => {
    const paths = ['/v1/state', '/v1/state/report/existing', '/v1/state/secrets']
    const [[, onSocket], [, onTcp]] = ways as [(typeof ways)[0], (typeof ways)[0]] // two ways
    for (const path of paths) assert.equal((await onTcp(path)).text, (await onSocket(path)).text)
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  server.close()
  await once(server, 'close')
  return port
}
