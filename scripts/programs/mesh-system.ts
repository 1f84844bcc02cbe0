import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AdminApi,
  adminApi,
  type Client,
  createClient,
  localApi,
  type PeerStatus,
  type Transport,
} from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import type { Host, Lab } from '../laboratory/lab.ts'
import { type AgentProcess, startAgentProcess } from './agent.ts'
import { type ControlPlaneProcess, startControlPlaneProcess } from './control-plane.ts'
import { commandOf } from './program.ts'

/** A control plane and agents as real programs, each on a host of a laboratory. */
export interface MeshSystem extends AsyncDisposable {
  /** The host of the control plane, which also answers STUN. */
  readonly host: Host
  readonly controlPlane: ControlPlaneProcess
  /** With the token of the first operator, by curl on the control plane's host. */
  readonly admin: Client<AdminApi>
  /** Enrols the host under its name, and brings up its mesh. */
  join(name: string, host: Host, options?: JoinOptions): Promise<MeshMember>
  /** Resolves to what it prints; rejects when it fails. */
  plexctl(...args: string[]): Promise<string>
}

export interface JoinOptions {
  /** Labels. */
  metadata?: Record<string, string>
  /** YAML. */
  config?: string
  env?: Readonly<Record<string, string>>
  /** A single-file build of plexd, instead of the sources. */
  file?: string
  /** Of the control plane, as seen from this host. */
  url?: string
}

export interface MeshMember {
  readonly name: string
  readonly host: Host
  readonly nodeId: string
  readonly meshIp: string
  readonly agent: AgentProcess
  peers(): Promise<readonly PeerStatus[]>
  /** Runs plexd on the host, with its agent's data; resolves to what it prints. */
  plexd(...args: string[]): Promise<string>
}

/** `args` are for the control plane. */
export async function startMeshSystem(lab: Lab, args: readonly string[] = []): Promise<MeshSystem> {
  const folder = join(lab.folder, 'system')
  await mkdir(folder)
  const host = await lab.host('control')
  const controlPlane = await startControlPlaneProcess(folder, {
    args,
    prefix: host.prefix,
    listen: `${host.address}:8443`,
    stun: `${host.address}:3478`,
  })
  const agents: AgentProcess[] = []
  const adminToken = (await readFile(controlPlane.adminTokenFile, 'utf8')).trim()
  const admin = createClient(adminApi, createCurlTransport(host, controlPlane), () => adminToken)

  function plexctl(...args: string[]): Promise<string> {
    const variables = Object.entries(controlPlane.environment).map((pair) => pair.join('='))
    return host.exec(['env', ...variables, ...commandOf('plexctl', args)], { timeoutMs: 60_000 })
  }

  async function enrol(name: string, host: Host, options: JoinOptions = {}): Promise<MeshMember> {
    const { metadata = {}, config = '', env = {}, file, url = controlPlane.url } = options
    const { body } = await admin.createToken({ body: { hostname: name, metadata } })
    const configFile = join(folder, `${name}.yaml`)
    await writeFile(configFile, config)
    const agent = await startAgentProcess(folder, {
      hostname: name,
      token: body.token,
      controlPlane: { url, caFile: controlPlane.caFile },
      mesh: true,
      args: ['--config', configFile],
      env,
      file,
      prefix: host.prefix,
    })
    agents.push(agent)
    return memberOf(agent, host, controlPlane)
  }

  return {
    host,
    controlPlane,
    admin,
    join: enrol,
    plexctl,
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((agent) => agent.end()))
      await controlPlane.end()
    },
  }
}

async function memberOf(
  agent: AgentProcess,
  host: Host,
  controlPlane: ControlPlaneProcess,
): Promise<MeshMember> {
  const local = createClient(localApi, createUnixTransport(agent.socket))
  const identity = JSON.parse(await readFile(join(agent.dataDir, 'identity.json'), 'utf8'))
  const variables = Object.entries(variablesOf(agent, controlPlane)).map((pair) => pair.join('='))
  return {
    name: agent.hostname,
    host,
    agent,
    nodeId: identity.node_id,
    meshIp: identity.mesh_ip,
    peers: async () => (await local.listPeers({})).body,
    plexd: (...args) =>
      host.exec(['env', ...variables, ...commandOf('plexd', args)], { timeoutMs: 60_000 }),
  }
}

/** The environment in which plexd finds the agent and its data. */
export function variablesOf(
  { socket, dataDir }: Pick<AgentProcess, 'socket' | 'dataDir'>,
  { url, caFile }: Pick<ControlPlaneProcess, 'url' | 'caFile'>,
): Record<string, string> {
  return {
    PLEXD_NODE_API_SOCKET: socket,
    PLEXD_DATA_DIR: dataDir,
    PLEXD_API: url,
    PLEXD_CA_FILE: caFile,
  }
}

/** By a program in the laboratory, because this process cannot reach its network. */
function createCurlTransport(
  { exec }: Pick<Host, 'exec'>,
  { url, caFile }: Pick<ControlPlaneProcess, 'url' | 'caFile'>,
): Transport {
  return async ({ method, path, headers, body }) => {
    const flags = ['--silent', '--show-error', '--cacert', caFile, '--write-out', '\n%{http_code}']
    const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
    const data = body === undefined ? [] : ['--data-binary', '@-']
    const text = await exec(
      ['curl', ...flags, '-X', method, ...lines, ...data, `${url}${path}`],
      body === undefined ? {} : { input: String(body) },
    )
    const end = text.lastIndexOf('\n')
    return { status: Number(text.slice(end + 1)), headers: {}, body: text.slice(0, end) }
  }
}
