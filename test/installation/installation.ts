import { readFile } from 'node:fs/promises'
import { type RememberingAgent, startRememberingAgent } from '@plexd/agent/testing'
import { type AdminApi, adminApi, type Client, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import type { ControlPlaneProcess } from '../../scripts/programs/control-plane.ts'

/** Calls with what is trusted at this moment. */
export async function callAdmin<T>(
  { url, caFile, adminTokenFile }: ControlPlaneProcess,
  call: (admin: Client<AdminApi>) => Promise<{ body: T }>,
): Promise<T> {
  const token = (await readFile(adminTokenFile, 'utf8')).trim()
  using transport = createHttpTransport({ baseUrl: url, caFile, userAgent: 'plexd-test' })
  return (await call(createClient(adminApi, transport, () => token))).body
}

export interface Fleet extends AsyncDisposable {
  readonly agents: readonly RememberingAgent[]
}

/** Agents in this process, each with a join string of its own; a few at a time. */
export async function startFleet(
  folder: string,
  plane: ControlPlaneProcess,
  count: number,
): Promise<Fleet> {
  await using stack = new AsyncDisposableStack()
  const agents: RememberingAgent[] = []
  const waiting = Array.from({ length: count }, (_, at) => `node-${at}`)
  async function startSome(): Promise<void> {
    for (let hostname = waiting.shift(); hostname !== undefined; hostname = waiting.shift()) {
      const { join } = await callAdmin(plane, (admin) => admin.createToken({ body: {} }))
      agents.push(stack.use(await startRememberingAgent(folder, { hostname, join })))
    }
  }
  await Promise.all(Array.from({ length: 8 }, startSome))
  const started = stack.move()
  return { agents, [Symbol.asyncDispose]: () => endAll(agents, started) }
}

/** All at once: one after another takes its time. */
async function endAll(agents: readonly RememberingAgent[], stack: AsyncDisposableStack) {
  await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()))
  stack.move()
}

/** An operator who makes one change after another, whatever becomes of the control plane meanwhile. */
export function startChanging(plane: () => ControlPlaneProcess) {
  const acknowledged = new Map<string, number>()
  let isWanted = true
  async function change(): Promise<void> {
    for (let at = 0; isWanted; at++) {
      const body = { target: { selector: '*' }, content_type: 'text/plain', payload: at }
      const params = { key: `entry-${at % 20}` }
      const put = await callAdmin(plane(), (admin) => admin.putData({ params, body })).catch(
        () => undefined,
      )
      if (put) acknowledged.set(params.key, put.version)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
  const changing = change()
  return {
    /** Key -> version. */
    acknowledged,
    async end() {
      isWanted = false
      await changing
    },
  }
}

/** Whether every node trusts the next authority. */
export async function allTrust(plane: ControlPlaneProcess): Promise<boolean> {
  const { stage, behind_count } = await callAdmin(plane, (admin) => admin.getAuthorities({}))
  return stage === 'prepared' && behind_count === 0
}
