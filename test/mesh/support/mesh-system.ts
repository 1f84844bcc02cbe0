import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, localApi, type PeerStatus } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { type AgentProcess, startAgentProcess } from '../../../scripts/programs/agent.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../../scripts/programs/control-plane.ts'
import { commandOf } from '../../../scripts/programs/program.ts'
import type { Host, Lab } from '../laboratory/lab.ts'

/** A control plane and agents as real programs, each on a host of a laboratory. */
export interface MeshSystem extends AsyncDisposable {
  readonly controlPlane: ControlPlaneProcess
  /** Enrols the host under its name, and brings up its mesh. */
  join(name: string, host: Host, args?: readonly string[]): Promise<MeshMember>
  /** What it prints; rejects when it fails. */
  plexctl(...args: string[]): Promise<string>
}

export interface MeshMember {
  readonly name: string
  readonly host: Host
  readonly nodeId: string
  readonly meshIp: string
  readonly agent: AgentProcess
  peers(): Promise<readonly PeerStatus[]>
  /** Runs plexd on the host, on the data of its agent; resolves to what it prints. */
  plexd(...args: string[]): Promise<string>
}

export async function startMeshSystem(lab: Lab): Promise<MeshSystem> {
  const stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'plexd-mesh-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const host = await lab.host('control')
  const controlPlane = stack.use(
    await startControlPlaneProcess(folder, {
      prefix: host.prefix,
      listen: `${host.address}:8443`,
      stun: `${host.address}:3478`,
      logFile: join(folder, 'control-plane.log'),
    }),
  )

  function plexctl(...args: string[]): Promise<string> {
    const { PLEXCTL_SERVER: server = '', PLEXCTL_CA_FILE: ca = '' } = controlPlane.environment
    const where = ['--server', server, '--ca-file', ca, '--token-file', controlPlane.adminTokenFile]
    const [command = '', ...rest] = commandOf('plexctl', [...where, ...args])
    return host.exec([command, ...rest], { timeoutMs: 60_000 })
  }

  async function enrol(
    name: string,
    host: Host,
    args: readonly string[] = [],
  ): Promise<MeshMember> {
    const { token } = JSON.parse(await plexctl('token', 'create', '--hostname', name, '--json'))
    const agent = stack.use(
      await startAgentProcess(folder, {
        hostname: name,
        token,
        controlPlane,
        mesh: true,
        args,
        prefix: host.prefix,
        logFile: join(folder, name, 'plexd.log'),
      }),
    )
    return memberOf(name, host, agent)
  }

  return {
    controlPlane,
    join: enrol,
    plexctl,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function memberOf(name: string, host: Host, agent: AgentProcess): Promise<MeshMember> {
  const local = createClient(localApi, createUnixTransport(agent.socket))
  const identity = JSON.parse(await readFile(join(agent.dataDir, 'identity.json'), 'utf8'))
  return {
    name,
    host,
    agent,
    nodeId: identity.node_id,
    meshIp: identity.mesh_ip,
    peers: async () => (await local.listPeers({})).body,
    plexd(...args) {
      const [command = '', ...rest] = commandOf('plexd', args)
      return host.exec([command, ...rest], { timeoutMs: 60_000 })
    },
  }
}
