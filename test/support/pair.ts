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

/** One may wait for as long as a test takes. */
const turnMs = 24 * 3_600_000

/**
 * Two control planes on one database of PostgreSQL, of which one serves and the other waits, behind a balancer of TCP. `end` ends the one
 * that serves, and `start` starts it again: one of the two serves then.
 */
export async function startPair(
  folder: string,
  { args = [], ...options }: ControlPlaneOptions,
): Promise<ControlPlaneProcess> {
  let serving: ControlPlaneProcess | undefined
  await using stack = new AsyncDisposableStack()
  const balancer = stack.use(await openBalancer(() => serving?.url))
  async function start(name: string, own: readonly string[] = []): Promise<ControlPlaneProcess> {
    const home = join(folder, name)
    await mkdir(home)
    const all = [...args, ...own, '--public-url', balancer.url]
    return startControlPlaneProcess(home, { ...options, args: all, startMs: turnMs })
  }

  const first = await start('one')
  serving = first
  let active = first
  let waiting = start('two', ['--master-key-file', join(first.dataDir, 'master.key')])
  stack.defer(async () => {
    await active.end()
    await (await waiting).end()
  })
  const opened = stack.move()
  return {
    ...first,
    url: balancer.url,
    environment: { ...first.environment, PLEXCTL_SERVER: balancer.url },
    program: () => active.program(),
    async end(signal) {
      serving = undefined
      await active.end(signal)
    },
    async start() {
      const left = active
      const again = left.start().then(() => left)
      // Either: one that starts quickly may be there before the other one asks again.
      active = await Promise.race([waiting, again])
      if (active !== left) waiting = again
      serving = active
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
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
