import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { freePort, until } from '@plexd/runtime/testing'
import { openSystem } from '../support/open-system.ts'

const skip = spawnSync('haproxy', ['-v']).error ? 'HAProxy is not installed' : false

/** From which HAProxy connects, and nobody else does. */
const balancer = '127.0.0.8'

/** How each server is checked, and whether it is up by that. */
const checks = {
  'by a connection, with a header': { line: 'check', isUp: true },
  'by a connection, without one': { line: 'check port PORT', isUp: true },
  'by a request, with a header': { line: 'check check-ssl verify none', isUp: true },
  'by a request, without one': { line: 'check port PORT check-ssl verify none', isUp: false },
  'by a request elsewhere, with a header': {
    line: 'check port PORT check-send-proxy check-ssl verify none',
    isUp: true,
  },
} as const

describe('a control plane behind HAProxy that says whose connections are', { skip }, () => {
  const system = openSystem({
    args: [
      ...['--proxy-protocol-from', balancer],
      ...['--limit', 'wrong_tokens=3', '--limit', 'wrong_token_refill_ms=3600000'],
    ],
  })
  let proxy: ChildProcess
  let port: number
  let socket: string

  before(async () => {
    port = await freePort()
    socket = join(system.folder, 'haproxy.sock')
    const file = join(system.folder, 'haproxy.cfg')
    await writeFile(file, configFor(new URL(system.controlPlane.url), { port, socket }))
    proxy = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' })
    await until('the balancer answers', async () => {
      const [status] = await ask('127.0.0.6', { token: 'wrong', path: '/healthz' }).catch(() => [])
      return status === 200
    })
  })
  after(async () => {
    const ended = proxy && once(proxy, 'exit')
    proxy?.kill('SIGKILL')
    await ended
  })

  const log = () => readFile(join(system.folder, 'control-plane.log'), 'utf8')

  async function ask(
    client: string,
    { token, path, body }: { token: string; path: string; body?: string },
  ): Promise<[status: number | undefined, text: string]> {
    const asking = request(`https://127.0.0.1:${port}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      ca: await readFile(system.controlPlane.caFile),
      localAddress: client,
      agent: false,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
    asking.end(body)
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return [answer.statusCode, await text(answer)]
  }

  it('has its operators in the log by their own address', async () => {
    const token = (await readFile(system.controlPlane.adminTokenFile, 'utf8')).trim()
    const [status] = await ask('127.0.0.7', { token, path: '/admin/v1/tokens', body: '{}' })
    assert.equal(status, 201)
    const lines = async () => (await log()).split('\n')
    await until('it is in the log', async () =>
      (await lines())
        .filter((line) => line.includes('"changed by operator"'))
        .some((line) => line.includes('"from":"127.0.0.7"')),
    )
  })

  it('counts wrong tokens for each client by itself', async () => {
    const statusFor = async (client: string) =>
      (await ask(client, { token: 'wrong', path: '/admin/v1/whoami' }))[0]
    for (const status of [401, 401, 401, 429]) assert.equal(await statusFor('127.0.0.7'), status)
    assert.equal(await statusFor('127.0.0.9'), 401)
  })

  for (const [index, [how, { isUp }]] of Object.entries(checks).entries())
    it(`is ${isUp ? 'up' : 'down'} where it is checked ${how}`, async () => {
      await until('it has been checked', async () => {
        const status = await statusOf(socket, `checked_${index}`)
        return isUp ? status === 'UP' : status === 'DOWN'
      })
    })

  it('says what is wrong with a check, and nothing of those that only connect', async () => {
    await until('it is in the log', async () => (await log()).includes('balancer closed'))
    const lines = (await log()).split('\n').filter((line) => line.includes('balancer closed'))
    for (const line of lines) assert.match(line, /TLS without a header/)
  })
})

function configFor({ host, port: own }: URL, { port, socket }: { port: number; socket: string }) {
  const backends = Object.values(checks).map(
    ({ line }, index) => `
backend checked_${index}
  ${line.includes('check-ssl') ? 'option httpchk GET /readyz' : ''}
  server cp ${host} send-proxy-v2 source ${balancer} inter 200ms ${line.replace('PORT', own)}`,
  )
  return `global
  stats socket ${socket}
defaults
  mode tcp
  timeout connect 10s
  timeout check 10s
  timeout client 60s
  timeout server 60s
frontend plexd
  bind 127.0.0.1:${port}
  default_backend plexd
backend plexd
  server cp ${host} send-proxy-v2 source ${balancer}
${backends.join('\n')}
`
}

/** Of the only server of a backend, as HAProxy shows it once it has checked that. */
async function statusOf(socket: string, backend: string): Promise<string | undefined> {
  const asking = connect(socket)
  asking.end('show stat\n')
  const rows = (await text(asking)).split('\n').map((line) => line.split(','))
  const [names = []] = rows
  const row = rows.find(([name, server]) => name === backend && server === 'cp')
  const shown = (name: string) => row?.[names.indexOf(name)]
  // Before its first check it counts as up.
  return shown('check_status')?.startsWith('L') ? shown('status') : undefined
}
