import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '@plexd/runtime/testing'

/** Why there is none; false where there is. */
export const noBalancer =
  spawnSync('haproxy', ['-v']).error !== undefined &&
  'HAProxy is not installed: apt-get install haproxy'

/** From which it connects, and nobody else does. */
export const balancerAddress = '127.0.0.20'

/** HAProxy in front of control planes, as the guide to PostgreSQL has it. */
export interface Balancer extends AsyncDisposable {
  readonly url: string
  /** Ends it at once, with all that is open through it. */
  kill(): Promise<void>
  start(): void
}

/** `servers` are `HOST:PORT` of all control planes. */
export async function startBalancer(folder: string, servers: readonly string[]): Promise<Balancer> {
  const port = await freePort()
  const file = join(folder, 'haproxy.cfg')
  await writeFile(file, configOf(port, servers))
  let proxy: ChildProcess
  let ended: Promise<unknown>
  const balancer: Balancer = {
    url: `https://127.0.0.1:${port}`,
    start() {
      proxy = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'haproxy', '-db', '-f', file], {
        stdio: 'ignore',
        detached: true,
      })
      ended = once(proxy, 'exit')
    },
    async kill() {
      proxy.kill('SIGKILL')
      await ended
    },
    [Symbol.asyncDispose]: () => balancer.kill(),
  }
  balancer.start()
  return balancer
}

function configOf(port: number, servers: readonly string[]): string {
  const lines = servers.map((server, index) => `  server cp${index} ${server}`)
  return `defaults
  mode tcp
  timeout connect 1s
  timeout client 120s
  timeout server 120s
frontend plexd
  bind 127.0.0.1:${port}
  default_backend plexd
backend plexd
  option redispatch 1
  option httpchk GET /readyz
  default-server send-proxy-v2 source ${balancerAddress} check inter 1s check-ssl verify none
${lines.join('\n')}
`
}
