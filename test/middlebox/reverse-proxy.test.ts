import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { authority, freePort, serverCertificate, serverKey, until } from '@plexd/runtime/testing'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { openSystem } from '../support/open-system.ts'

/** From which HAProxy connects where it sends headers, and nobody else does. */
const balancer = '127.0.0.8'

const guide = join(import.meta.dirname, '../../docs/guides/behind-a-proxy.md')

interface Kind {
  program: string
  /** The first words of its configuration in the guide. */
  begins: string
  /** What the configuration is a part of. */
  around?: (part: string, folder: string) => string
  argumentsFor: (file: string) => string[]
}

const kinds: Readonly<Record<string, Kind>> = {
  'HAProxy that passes bytes on': {
    program: 'haproxy',
    begins: '# tcp\n',
    argumentsFor: (file) => ['-db', '-f', file],
  },
  'HAProxy that ends TLS': {
    program: 'haproxy',
    begins: '# http\n',
    argumentsFor: (file) => ['-db', '-f', file],
  },
  nginx: {
    program: 'nginx',
    begins: 'map ',
    around: inNginx,
    argumentsFor: (file) => ['-e', 'stderr', '-c', file],
  },
}

for (const [name, kind] of Object.entries(kinds)) {
  const skip = whyNot(kind.program)
  describe(`a control plane behind ${name}, as the guide sets it up`, { skip }, () => {
    const system = openSystem({
      args: [
        ...['--trusted-proxies', '127.0.0.1', '--proxy-protocol-from', balancer],
        ...['--limit', 'wrong_tokens=3', '--limit', 'wrong_token_refill_ms=3600000'],
      ],
    })
    let proxy: ChildProcess
    let agent: AgentProcess
    let environment: Record<string, string>

    const plexctl = (...args: string[]) => runProgram('plexctl', args, environment)
    const plexd = (...args: string[]) => runProgram('plexd', [...args, '--socket', agent.socket])

    before(async () => {
      const { url: direct, caFile } = system.controlPlane
      const port = await freePort()
      const pem = join(system.folder, 'proxy.pem')
      await writeFile(pem, serverCertificate + serverKey)
      const own = join(system.folder, 'proxy-ca.crt')
      await writeFile(own, authority)
      const blocks = (await readFile(guide, 'utf8')).match(
        /(?<=```(?:haproxy|nginx)\n)[\s\S]*?(?=```)/g,
      )
      const text = blocks?.find((block) => block.startsWith(kind.begins))
      assert.ok(text, `the guide has a configuration for ${name}`)
      const config = text
        .replace(/(?<=bind |listen ):?8443/, `127.0.0.1:${port}`)
        .replace('/etc/nginx/plexd.crt', pem)
        .replace('/etc/nginx/plexd.key', pem)
        .replace('/etc/nginx/plexd-ca.crt', caFile)
        .replace('10.0.0.5:8443 send-proxy-v2', `$& source ${balancer}`)
        .replace('10.0.0.5:8443', new URL(direct).host)
        .replace('/etc/haproxy/plexd.pem', pem)
        .replace('/etc/haproxy/plexd-ca.crt', caFile)
        .replaceAll('plexd.example.com', 'localhost')
      const file = join(system.folder, 'proxy.conf')
      await writeFile(file, kind.around?.(config, system.folder) ?? config)
      proxy = spawn(kind.program, kind.argumentsFor(file), { stdio: 'inherit' })
      const url = `https://localhost:${port}`
      const trusted = kind.begins === '# tcp\n' ? caFile : own
      environment = {
        ...system.controlPlane.environment,
        PLEXCTL_SERVER: url,
        PLEXCTL_CA_FILE: trusted,
        XDG_CONFIG_HOME: join(system.folder, 'config'),
      }
      await until('the proxy answers', async () => (await plexctl('whoami')).code === 0)
      agent = await startAgentProcess(system.folder, {
        hostname: 'web-01',
        token: await system.bootstrapToken(),
        controlPlane: { url, caFile: trusted },
      })
    })
    after(async () => {
      await agent?.[Symbol.asyncDispose]()
      const ended = proxy && once(proxy, 'exit')
      proxy?.kill('SIGKILL')
      await ended
    })

    it('joins its nodes, and events arrive at once', async () => {
      await until('its stream is open', async () =>
        /event stream: +connected/.test((await plexd('status')).stdout),
      )
      const file = join(system.folder, 'motd')
      await writeFile(file, 'hello')
      const put = await plexctl('data', 'put', 'motd', '--selector', '*', '--file', file)
      assert.equal(put.code, 0, put.stderr)
      await until('the event has arrived', async () =>
        (await plexd('state', 'get', 'data', 'motd')).stdout.startsWith('hello'),
      )
    })

    it('has sessions, which are WebSockets', async () => {
      const { stdout, stderr } = await plexctl('ssh', 'root@web-01', '--', 'echo reached')
      assert.equal(stdout, 'reached\n', stderr)
    })

    it('has wrong tokens counted by client, whatever that says to be', async () => {
      const ask = (client: string, claim: string) => statusOfWrongToken(environment, client, claim)
      for (let count = 0; count < 3; count++) assert.equal(await ask('127.0.0.9', '1.1.1.1'), 401)
      assert.equal(await ask('127.0.0.9', '2.2.2.2'), 429)
      assert.equal(await ask('127.0.0.10', '127.0.0.9'), 401)
    })

    it('takes a build, which is large', async () => {
      const file = join(system.folder, 'plexd-build')
      await writeFile(file, Buffer.alloc(24 * 1024 ** 2, 1))
      const flags = ['--version', '9.9.9', '--os', 'linux', '--arch', 'amd64']
      const { code, stderr } = await plexctl('artifact', 'upload', file, ...flags)
      assert.equal(code, 0, stderr)
    })
  })
}

/** Asked from another address of this machine. */
async function statusOfWrongToken(
  { PLEXCTL_SERVER: server = '', PLEXCTL_CA_FILE: caFile = '' }: Record<string, string>,
  client: string,
  claim: string,
): Promise<number | undefined> {
  const request = get(`${server}/admin/v1/whoami`, {
    ca: await readFile(caFile),
    localAddress: client,
    agent: false,
    headers: {
      authorization: 'Bearer wrong',
      'x-forwarded-for': claim,
      forwarded: `for=${claim}`,
    },
  })
  const [answer] = (await once(request, 'response')) as [IncomingMessage] // as `response` is documented
  answer.resume()
  return answer.statusCode
}

function whyNot(program: string): string | false {
  if (spawnSync(program, ['-v']).error) return `${program} is not installed`
  return process.getuid?.() !== 0 && 'a session needs root'
}

/** One process, which ends with its parent and leaves nothing outside the folder. */
function inNginx(part: string, folder: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((each) => `${each}_temp_path ${folder}/nginx-${each};`)
    .join('\n')
  return `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
events {}
http {
access_log off;
${paths}
${part}}
`
}
