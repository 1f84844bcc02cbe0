import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AdminApi,
  adminApi,
  type Capabilities,
  type Client,
  type ControlApi,
  controlApi,
  createClient,
  type Metadata,
  newBootstrapToken,
  newId,
  type RecordingSetup,
  type RegisterResponse,
} from '@plexd/protocol'
import {
  type Clock,
  createHttpTransport,
  type Log,
  resolveLimits,
  silentLog,
  systemClock,
} from '@plexd/runtime'
import { databaseOfFolder } from '@plexd/runtime/testing'
import { tokenHash } from '../access/auth.ts'
import type { App, RunningApp } from '../app.ts'
import { type Config, resolveConfig } from '../config/config.ts'
import { startControlPlane as start } from '../control-plane.ts'
import { type Limits, limits } from '../limits.ts'
import { insertToken } from '../rows/bootstrap-tokens.ts'
import { readFirstTenant } from '../rows/fleet/tenants.ts'
import { recordingSetupOf } from '../sessions/recording.ts'

export interface HarnessOptions {
  clock?: Clock
  log?: Log
  config?: TestSettings
  /** A folder to go on with, as after a restart; it is not removed then. A temporary one when left out. */
  dataDir?: string
}

/** Settings and limits that differ from the defaults. */
export type TestSettings = Partial<Omit<Config, 'limits'>> & { limits?: Partial<Limits> }

export interface TokenOptions {
  ttlMs?: number
  hostname?: string
  metadata?: Metadata
  nodeMaySet?: readonly string[]
  nskFormat?: 'base64' | 'raw32'
}

export interface EnrolOptions extends TokenOptions {
  publicKey?: string
  /** What the node says of itself. */
  reported?: Metadata
  /** `{}` when left out; null to register as the Go agent does. */
  capabilities?: Capabilities | null
  userAgent?: string
}

/** A node that has registered, with what it was given. */
export interface EnrolledNode extends RegisterResponse {
  readonly publicKey: string
  /** Bearer token: `node_token`. */
  readonly token: string
  /** Calls with the node's token; `params` still name the node. */
  readonly api: Client<ControlApi>
}

export interface TestControlPlane extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, or with `https`. */
  readonly url: string
  readonly app: RunningApp
  readonly dataDir: string
  readonly adminToken: string
  /** Calls with the token of the first operator. */
  readonly admin: Client<AdminApi>
  /** Calls without a token, as before registration. */
  readonly anonymous: Client<ControlApi>
  /** Calls with any token, and any User-Agent. */
  clientFor(token: string, userAgent?: string): Client<ControlApi>
  /** A bootstrap token. */
  createToken(options?: TokenOptions): Promise<string>
  /** Registers a node with a new token and, unless given, a new key. */
  enrol(hostname: string, options?: EnrolOptions): Promise<EnrolledNode>
  /** Opens a session on the node, which is recorded. */
  record(node: EnrolledNode): Promise<RecordedSession>
}

/** What its node is told of it. */
export interface RecordedSession extends RecordingSetup {
  session_id: string
}

/** A control plane in this process, on a free port of 127.0.0.1, over plain HTTP unless `insecureHttp` is false. */
export async function startControlPlane(options: HarnessOptions = {}): Promise<TestControlPlane> {
  await using stack = new AsyncDisposableStack()
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'plexd-control-plane-')))
  if (options.dataDir === undefined)
    stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const clock = options.clock ?? systemClock
  // A clock that a test turns does not wait for a server to answer.
  const databaseUrl = options.clock ? undefined : await databaseOfFolder(dataDir)
  const config = testConfig({ dataDir, databaseUrl, ...options.config })
  const { app, url } = stack.use(await start(config, { clock, log: options.log ?? silentLog }))
  const adminToken = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()

  const opened = stack.move()
  const transportAs = (userAgent: string) =>
    opened.use(
      createHttpTransport({
        baseUrl: url,
        ...(config.insecureHttp ? {} : { caFile: join(dataDir, 'ca.crt') }),
        userAgent,
        gzipOverBytes: 1_024,
      }),
    )
  const transport = transportAs('plexd/test (harness)')
  const clientFor = (token: string, userAgent?: string): Client<ControlApi> =>
    createClient(
      controlApi,
      userAgent === undefined ? transport : transportAs(userAgent),
      () => token,
    )
  const admin = createClient(adminApi, transport, () => adminToken)
  const createToken = (token: TokenOptions = {}) => makeToken(app, token)

  return {
    url,
    app,
    dataDir,
    adminToken,
    admin,
    anonymous: createClient(controlApi, transport),
    clientFor,
    createToken,
    async enrol(
      hostname,
      { publicKey = newPublicKey(), reported, capabilities = {}, ...rest } = {},
    ) {
      const bootstrapToken = await createToken(rest)
      // A packed body is unpacked for who has shown a token, as agents do.
      const client = clientFor(bootstrapToken, rest.userAgent)
      const { body } = await client.register({
        body: {
          token: bootstrapToken,
          public_key: publicKey,
          hostname,
          ...(reported ? { metadata: reported } : {}),
          ...(capabilities === null ? {} : { capabilities }),
        },
      })
      const token = body.node_token ?? body.node_secret_key
      return { ...body, publicKey, token, api: clientFor(token, rest.userAgent) }
    },
    record: (node) => record(app, admin, node),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** A session that is recorded, of a node that says that it can. */
async function record(
  { masterKey, store }: App,
  admin: Client<AdminApi>,
  { node_id, api }: EnrolledNode,
): Promise<RecordedSession> {
  const public_key = `ssh-ed25519 ${'A'.repeat(68)}`
  const sessions = { host_key: public_key, max_sessions: 10 }
  await api.putCapabilities({ params: { node_id }, body: { sessions } })
  const asked = { node: node_id, login: 'deploy', public_key, way: 'relay' } as const
  const { session } = (await admin.openSession({ body: asked })).body
  const of = { id: session.id, record_input: false }
  const setup = await recordingSetupOf(store.reader, masterKey, of)
  assert.ok(setup)
  return { ...setup, session_id: session.id }
}

/** One that runs on the folder for as long as `run` takes: several in turn are restarts. */
export async function withControlPlane<T>(
  dataDir: string,
  run: (plane: TestControlPlane) => Promise<T>,
  config: TestSettings = {},
): Promise<T> {
  await using plane = await startControlPlane({ dataDir, config })
  return await run(plane)
}

/** 32 random bytes: the control plane never uses a key, it only passes it on. */
export function newPublicKey(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64()
}

/** As `serve` has it by default, but for the address and what is given. */
export function testConfig({ limits: given, ...rest }: TestSettings & { dataDir: string }): Config {
  const flags = {
    listen: '127.0.0.1:0',
    insecure_http: true,
    stun_listen: 'off',
    admin_socket: 'off',
    log_level: 'silent',
  }
  return { ...resolveConfig({ flags, env: {}, file: {} }), limits: testLimits(given), ...rest }
}

/** The defaults but for those given, which may be smaller than operators may have them. */
export function testLimits(given: Partial<Limits> = {}): Limits {
  return { ...resolveLimits(limits, {}), ...given }
}

async function makeToken(
  { store, clock }: App,
  { ttlMs = 3_600_000, hostname, metadata = {}, nodeMaySet = [], nskFormat }: TokenOptions,
): Promise<string> {
  const token = newBootstrapToken()
  const tenant_id = await readFirstTenant(store.reader)
  await store.write((tx) =>
    insertToken(tx, {
      id: newId('token'),
      tenant_id,
      token_hash: tokenHash(token),
      hostname: hostname ?? null,
      metadata,
      node_may_set: [...nodeMaySet],
      nsk_format: nskFormat ?? null,
      created_at: clock.now(),
      expires_at: clock.now() + ttlMs,
    }),
  )
  return token
}
