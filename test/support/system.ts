import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AdminApi,
  adminApi,
  type Client,
  controlApi,
  createClient,
  fillPath,
  type Operation,
  type RegisterResponse,
  type Role,
} from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import {
  areReplicas,
  databaseOfFolder,
  type EventStream,
  openEventStream,
} from '@plexd/runtime/testing'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import { type Output, runProgram } from '../../scripts/programs/program.ts'
import { startReplicas } from './replicas.ts'

/** An answer as it came, whatever its status. */
export interface RawAnswer {
  status: number
  headers: Record<string, string>
  text: string
  /** The body, taken for what the caller expects; throws when it is not JSON. */
  json<Body = unknown>(): Body
}

export interface RawRequest {
  params?: Record<string, string>
  query?: Record<string, string>
  token?: string | undefined
  /** An object is sent as JSON, a text or bytes as they are. */
  body?: unknown
  headers?: Record<string, string>
}

/** A node that has registered, and what it calls with. */
export interface TestNode extends RegisterResponse {
  readonly hostname: string
  readonly publicKey: string
  /** `node_token`. */
  readonly token: string
  /** Calls with the node's token and, unless given, its id in the path. */
  call(operation: Operation, request?: RawRequest): Promise<RawAnswer>
  stream(lastEventId?: string): Promise<EventStream>
}

/** A control plane as a process, over TLS, in a folder of its own. Disposing ends it and the agents and removes the folder. */
export interface System extends AsyncDisposable {
  readonly folder: string
  readonly controlPlane: ControlPlaneProcess
  readonly adminToken: string
  /** Calls with the token of the first operator. */
  readonly admin: Client<AdminApi>
  call(operation: Operation, request?: RawRequest): Promise<RawAnswer>
  stream(nodeId: string, token?: string, lastEventId?: string): Promise<EventStream>
  /** Another operator, of the role. */
  adminWith(role: Role): Promise<{ token: string; admin: Client<AdminApi> }>
  bootstrapToken(options?: {
    hostname?: string
    metadata?: Record<string, string>
  }): Promise<string>
  /** Registers a scripted node. */
  enrol(hostname: string, metadata?: Record<string, string>): Promise<TestNode>
  /** Starts a real agent. */
  startAgent(
    hostname: string,
    options?: {
      args?: readonly string[]
      metadata?: Record<string, string>
      /** A command that runs the agent. */
      prefix?: readonly string[]
      /** A single-file build of it. */
      file?: string
    },
  ): Promise<AgentProcess>
  plexctl(...args: string[]): Promise<Output>
}

export interface SystemOptions {
  /** For the control plane. */
  args?: readonly string[]
  /** Runs before the control plane starts, for what its folder has to be; undone in the end by what it returns. */
  prepare?: (folder: string) => Promise<AsyncDisposable>
}

/** Wherever this run keeps the state of control planes. */
async function startThere(folder: string, given: readonly string[]): Promise<ControlPlaneProcess> {
  const databaseUrl = await databaseOfFolder(folder)
  const args = databaseUrl === undefined ? given : [...given, '--database-url', databaseUrl]
  return areReplicas ? startReplicas(folder, { args }) : startControlPlaneProcess(folder, { args })
}

export async function startSystem({ args = [], prepare }: SystemOptions = {}): Promise<System> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  if (prepare) stack.use(await prepare(folder))
  const controlPlane = stack.use(await startThere(folder, args))
  const adminToken = (await readFile(controlPlane.adminTokenFile, 'utf8')).trim()
  const opened = stack.move()
  const { url, caFile } = controlPlane
  const transport = opened.use(
    createHttpTransport({ baseUrl: url, caFile, userAgent: 'plexd-test' }),
  )
  const adminOf = (token: string): Client<AdminApi> =>
    createClient(adminApi, transport, () => token)
  const admin = adminOf(adminToken)

  async function call(operation: Operation, request: RawRequest = {}): Promise<RawAnswer> {
    const { params = {}, query, token, body, headers = {} } = request
    const answer = await transport({
      method: operation.method,
      path: fillPath(operation.path, params) + (query ? `?${new URLSearchParams(query)}` : ''),
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: encode(body) }),
    })
    return {
      status: answer.status,
      headers: answer.headers,
      text: answer.body,
      json: () => JSON.parse(answer.body),
    }
  }

  const stream: System['stream'] = (nodeId, token, lastEventId) =>
    openEventStream({
      url,
      caFile,
      path: `/v1/nodes/${encodeURIComponent(nodeId)}/events`,
      ...(token === undefined ? {} : { token }),
      ...(lastEventId === undefined ? {} : { lastEventId }),
    })

  const bootstrapToken: System['bootstrapToken'] = async (token = {}) =>
    (await admin.createToken({ body: token })).body.token

  return {
    folder,
    controlPlane,
    adminToken,
    admin,
    call,
    stream,
    bootstrapToken,
    async adminWith(role) {
      const name = `${role}-${crypto.randomUUID()}`
      const { token } = (await admin.createAdminToken({ body: { name, role } })).body
      return { token, admin: adminOf(token) }
    },
    async enrol(hostname, metadata = {}) {
      const publicKey = newPublicKey()
      const answer = await call(controlApi.register, {
        body: {
          token: await bootstrapToken({ metadata }),
          public_key: publicKey,
          hostname,
          capabilities: { builtin_actions: [{ name: 'system.info' }, { name: 'any' }] },
        },
      })
      if (answer.status !== 201) throw new Error(`enrol "${hostname}": ${answer.text}`)
      const given = answer.json<RegisterResponse>()
      const token = given.node_token ?? given.node_secret_key
      return {
        ...given,
        hostname,
        publicKey,
        token,
        call: (operation, request = {}) =>
          call(operation, {
            token,
            ...request,
            params: { node_id: given.node_id, ...request.params },
          }),
        stream: (lastEventId) => stream(given.node_id, token, lastEventId),
      }
    },
    async startAgent(hostname, { metadata = {}, ...options } = {}) {
      const token = await bootstrapToken({ metadata })
      return opened.use(
        await startAgentProcess(folder, { hostname, token, controlPlane, ...options }),
      )
    },
    plexctl: (...args) => runProgram('plexctl', args, controlPlane.environment),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** 32 random bytes: the control plane passes keys on and never uses them. */
export function newPublicKey(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64()
}

function encode(body: unknown): string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
}
