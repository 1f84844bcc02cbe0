import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http, { type RequestListener } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { authority, otherAuthority, serverCertificate, serverKey } from '@plexd/runtime/testing'

/** A control plane over TLS that answers each path with one status. */
const answer: RequestListener = (request, response) => {
  const status = Number(/status-(\d+)/.exec(request.url ?? '')?.[1] ?? 200)
  if (request.url?.endsWith('/events')) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    return void response.write(': open\n\n')
  }
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify(status === 200 ? { items: [], next: null } : { error: `scripted\n${status}` }),
  )
}
const server = https.createServer({ key: serverKey, cert: serverCertificate }, answer)
/** The same on a Unix socket. */
const local = http.createServer(answer)

let folder: string
let env: Record<string, string>

function start(argv: readonly string[], extra: Record<string, string> = {}) {
  const main = join(import.meta.dirname, 'main.ts')
  return spawn(process.execPath, [main, ...argv], { env: { ...env, ...extra } })
}

async function plexctl(argv: readonly string[], extra: Record<string, string> = {}) {
  const child = start(argv, extra)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  const [code] = await once(child, 'close')
  assert.doesNotMatch(output.stderr, /^ +at /m, 'no stack trace')
  return { code, ...output }
}

describe('plexctl as a program', () => {
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    folder = await mkdtemp(join(tmpdir(), 'plexctl-'))
    local.listen(join(folder, 'admin.sock'))
    await writeFile(join(folder, 'token'), 'plx_admin_test\n', { mode: 0o600 })
    await writeFile(join(folder, 'ca.crt'), authority)
    await writeFile(join(folder, 'other.crt'), otherAuthority)
    env = {
      PATH: process.env.PATH ?? '',
      XDG_CONFIG_HOME: folder,
      PLEXCTL_SERVER: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, // a TCP socket has one
      PLEXCTL_TOKEN_FILE: join(folder, 'token'),
      PLEXCTL_CA_FILE: join(folder, 'ca.crt'),
    }
  })

  after(async () => {
    server.closeAllConnections()
    server.close()
    local.close()
    await rm(folder, { recursive: true })
  })

  it('reaches a control plane by its socket, and says when there is none', async () => {
    const at = (name: string) => ({ PLEXCTL_SERVER: `unix://${join(folder, name)}` })
    const listed = await plexctl(['node', 'list', '--json'], at('admin.sock'))
    assert.deepEqual([listed.code, listed.stdout, listed.stderr], [0, '[]\n', ''])
    const missing = await plexctl(['node', 'list'], at('other.sock'))
    assert.equal(missing.code, 5)
    assert.match(missing.stderr, /there is no such socket: is it running, with --admin-socket/)
    const refused = await plexctl(['node', 'show', 'status-404'], at('admin.sock'))
    assert.deepEqual([refused.code, refused.stdout], [3, ''])
  })

  describe('exit codes of plexctl', { concurrency: 4 }, () => {
    const show = (status: number) => ['node', 'show', `status-${status}`]
    const cases: [
      title: string,
      argv: string[],
      extra: Record<string, string>,
      code: number,
      stderr: RegExp,
    ][] = [
      ['0: it worked', ['node', 'list', '--json'], {}, 0, /^$/],
      ['0: --version', ['--version'], {}, 0, /^$/],
      ['1: a conflict', show(409), {}, 1, /^plexctl: scripted 409\n$/],
      [
        '2: an unknown command',
        ['nodes', 'list'],
        {},
        2,
        /^plexctl: unknown command 'nodes'\n\(Did you mean node\?\)\nSee "plexctl --help"\.\n$/,
      ],
      [
        '2: a command of another program',
        ['backup', 'create', '--out', 'x'],
        {},
        2,
        /^plexctl: unknown command 'backup'\nrun "plexd-control-plane backup" on the machine of the control plane\nSee "plexctl --help"\.\n$/,
      ],
      [
        '2: another word for a command',
        ['label', 'set'],
        {},
        2,
        /^plexctl: unknown command 'label'\nhere it is "plexctl node label set"\nSee "plexctl --help"\.\n$/,
      ],
      [
        '2: the help of another word for a command',
        ['label', '--help'],
        {},
        2,
        /^plexctl: unknown command 'label'\nhere it is "plexctl node label set"\nSee "plexctl --help"\.\n$/,
      ],
      ['2: a body that is too large', show(413), {}, 2, /^plexctl: scripted 413\n$/],
      [
        '2: an input file that is missing',
        ['policy', 'put', '/no/such/file'],
        {},
        2,
        /^plexctl: read "\/no\/such\/file": there is no such file\n$/,
      ],
      ['2: an unknown flag', ['node', 'list', '--jsno'], {}, 2, /Did you mean --json\?/],
      [
        '2: no server',
        ['node', 'list'],
        { PLEXCTL_SERVER: '' },
        2,
        /^plexctl: no control plane given: use --server URL, set PLEXCTL_SERVER/,
      ],
      ['3: not found', show(404), {}, 3, /scripted 404/],
      [
        '4: the token is refused',
        show(401),
        {},
        4,
        /refused the token in ".*\/token": scripted 401/,
      ],
      [
        '5: nobody listens',
        ['node', 'list'],
        { PLEXCTL_SERVER: 'https://127.0.0.1:1' },
        5,
        /"https:\/\/127\.0\.0\.1:1": connection refused/,
      ],
    ]
    for (const [title, argv, extra, code, stderr] of cases) {
      it(title, async () => {
        const run = await plexctl(argv, extra)

        assert.match(run.stderr, stderr)
        assert.equal(run.code, code)
      })
    }

    it('5: another authority, named with its file and where the right one is', async () => {
      const caFile = join(folder, 'other.crt')

      const run = await plexctl(['node', 'list', '--ca-file', caFile])

      assert.equal(
        run.stderr,
        `plexctl: cannot reach the control plane at "${env.PLEXCTL_SERVER}": its certificate is not signed by the authority in "${caFile}": use the ca.crt of its data directory\n`,
      )
      assert.equal(run.code, 5)
    })
  })

  describe('plexctl event tail', () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      it(`ends with exit code 0 on ${signal}`, async () => {
        const opened = once(server, 'request')
        const child = start(['event', 'tail', 'web-01'])
        await opened
        child.kill(signal)

        const [code] = await once(child, 'close')

        assert.equal(code, 0)
      })
    }
  })

  describe('plexctl with a reader that stops early', () => {
    it('ends without a complaint', async () => {
      const child = start(['--help'])
      child.stdout.destroy()
      let stderr = ''
      child.stderr.on('data', (chunk) => {
        stderr += chunk
      })

      const [code] = await once(child, 'close')

      assert.equal(stderr, '')
      assert.equal(code, 0)
    })
  })
})
