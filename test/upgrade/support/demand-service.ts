import assert from 'node:assert/strict'
import { type AdminApi, type Client, createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../../scripts/programs/agent.ts'

/** On a busy machine everything takes a while. */
const patienceMs = 60_000

/** What an operator does with a node, whatever versions the two ends have: data, a secret and an action. */
export async function demandService(
  admin: Client<AdminApi>,
  agent: Pick<AgentProcess, 'hostname' | 'socket'>,
): Promise<void> {
  const { hostname, socket } = agent
  const stamp = crypto.randomUUID()
  const target = { selector: '*' }
  const data = { target, content_type: 'text/plain', payload: stamp }
  await admin.putData({ params: { key: 'motd' }, body: data })
  await admin.putSecret({ params: { key: 'password' }, body: { target, value: stamp } })
  const local = createClient(localApi, createUnixTransport(socket, 5_000))
  const has = async (read: () => Promise<unknown>): Promise<boolean> =>
    (await read().catch(() => undefined)) === stamp // it may not be there yet
  await until(
    `the data is on "${hostname}"`,
    () => has(async () => (await local.getData({ params: { key: 'motd' } })).body.payload),
    patienceMs,
  )
  await until(
    `the secret is on "${hostname}"`,
    () => has(async () => (await local.getSecretValue({ params: { key: 'password' } })).body.value),
    patienceMs,
  )
  await demandAction(admin, hostname)
}

async function demandAction(admin: Client<AdminApi>, node: string): Promise<void> {
  const { body: asked } = await admin.runAction({
    params: { node },
    body: { action: 'diagnostics.collect', timeout: '60s' },
  })
  const { status, reason, stderr } = await until(
    `"${node}" has run an action`,
    async () => {
      const params = { execution_id: asked.id }
      const { body: execution } = await admin.getExecution({ params })
      return execution.finished_at !== null && execution
    },
    patienceMs,
  )
  assert.equal(status, 'success', `${reason} ${stderr}`)
}
