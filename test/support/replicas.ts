import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createSocketPairs } from '@plexd/runtime/testing'
import {
  type ControlPlaneOptions,
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'

/**
 * Two control planes on one database of PostgreSQL behind a balancer of TCP, which gives each of them every other connection. `end` ends
 * one of the two, each in its turn, whether it serves or passes on, and `start` starts that one again.
 */
export async function startReplicas(
  folder: string,
  { args = [], ...options }: ControlPlaneOptions,
): Promise<ControlPlaneProcess> {
  await using stack = new AsyncDisposableStack()
  const running: ControlPlaneProcess[] = []
  const balancer = stack.use(await openBalancer(() => nextOf(running)?.url))
  async function start(name: string, own: readonly string[] = []): Promise<ControlPlaneProcess> {
    const home = join(folder, name)
    await mkdir(home)
    const all = [...args, ...own, '--public-url', balancer.url]
    const replica = stack.use(await startControlPlaneProcess(home, { ...options, args: all }))
    running.push(replica)
    return replica
  }

  const first = await start('one')
  await start('two', ['--master-key-file', join(first.dataDir, 'master.key')])
  let victim = first
  const opened = stack.move()
  return {
    ...first,
    url: balancer.url,
    environment: { ...first.environment, PLEXCTL_SERVER: balancer.url },
    program: () => victim.program(),
    async end(signal) {
      victim = running.shift() ?? victim
      await victim.end(signal)
    },
    async start() {
      await victim.start()
      running.push(victim)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

let turn = 0

function nextOf<T>(all: readonly T[]): T | undefined {
  return all[turn++ % Math.max(1, all.length)]
}

/** Passes each connection to where `target` says; nowhere, and it is cut. */
async function openBalancer(
  target: () => string | undefined,
): Promise<{ url: string } & AsyncDisposable> {
  const pairs = createSocketPairs()
  const server = createServer((near) => {
    const url = target()
    if (url === undefined) {
      near.destroy()
      return
    }
    const far = connect(Number(new URL(url).port), '127.0.0.1')
    pairs.join(near, far)
    near.pipe(far).pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // of TCP
  return {
    url: `https://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      pairs[Symbol.dispose]()
      server.close()
    },
  }
}
