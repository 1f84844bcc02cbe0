import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AdminApi, adminApi, type Client, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type AgentProcess, startAgentProcess } from '../../../scripts/programs/agent.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../../scripts/programs/control-plane.ts'
import { demandService } from './demand-service.ts'
import { fileOf, type OtherVersion } from './other-version.ts'

/** A control plane, first of the version before, and an agent of then and one of now. */
export interface MixedInstallation extends AsyncDisposable {
  readonly folder: string
  /** The running one, or the last. */
  controlPlane(): ControlPlaneProcess
  readonly old: AgentProcess
  readonly new: AgentProcess
  readonly admin: Client<AdminApi>
  /** Ends the control plane, and starts that of the file, or of now, on the same address and data. */
  replaceControlPlane(file: string | undefined): Promise<void>
  /** Rejects unless the same nodes are there, all of them are heard, and each does what an operator wants. */
  demandAll(): Promise<void>
}

export async function startMixedInstallation(then: OtherVersion): Promise<MixedInstallation> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  let controlPlane = await startControlPlaneProcess(folder, fileOf(then['control-plane']))
  stack.defer(() => controlPlane.end())
  const { url, caFile, adminTokenFile } = controlPlane
  const token = (await readFile(adminTokenFile, 'utf8')).trim()
  const transport = stack.use(createHttpTransport({ baseUrl: url, caFile, userAgent: 'test' }))
  const admin = createClient(adminApi, transport, () => token)
  async function join_(hostname: string, file?: string): Promise<AgentProcess> {
    const { body } = await admin.createToken({ body: { hostname } })
    const options = { hostname, token: body.token, controlPlane, ...fileOf(file) }
    return stack.use(await startAgentProcess(folder, options))
  }
  const agents = { old: await join_('old', then.plexd), new: await join_('new') }
  const known = await onlineNodes(admin)
  const opened = stack.move()
  return {
    folder,
    controlPlane: () => controlPlane,
    ...agents,
    admin,
    async replaceControlPlane(file) {
      await controlPlane.end()
      const listen = new URL(url).host
      controlPlane = await startControlPlaneProcess(folder, { listen, ...fileOf(file) })
    },
    async demandAll() {
      assert.deepEqual(await onlineNodes(admin), known)
      for (const agent of Object.values(agents)) await demandService(admin, agent)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** What must not change of a node, once both are heard. */
async function onlineNodes(admin: Client<AdminApi>): Promise<string[][]> {
  const nodes = await until(
    'both nodes are online',
    async () => {
      const { items } = (await admin.listNodes({})).body
      return items.length === 2 && items.every(({ status }) => status === 'online') && items
    },
    60_000,
  )
  return nodes
    .map(({ hostname, id, mesh_ip, public_key }) => [hostname, id, mesh_ip, public_key])
    .sort()
}
