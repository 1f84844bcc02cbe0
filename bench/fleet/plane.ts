import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type AdminApi, adminApi, type Client, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import {
  type ControlPlaneOptions,
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'

/** The control plane that is measured: one of our own, or any. */
export interface Plane extends AsyncDisposable {
  readonly url: string
  readonly ca: string
  readonly caFile: string
  readonly adminToken: string
  readonly tokenFile: string
  readonly admin: Client<AdminApi>
  /** Undefined for one that runs already. */
  readonly own: ControlPlaneProcess | undefined
  /** Of one that has its state in PostgreSQL: the rows that SQL gives, as lines of columns with a bar between. */
  readonly query?: (statement: string) => string
  usage(): Promise<Usage>
}

/** A control plane that runs already. */
export interface GivenPlane {
  url: string
  caFile: string
  /** With the token of an owner. */
  tokenFile: string
}

/** From the control plane's metrics. */
export interface Usage {
  cpuSeconds: number
  /** Open event streams. */
  streams: number
  rssBytes: number
  /** Since the last reading. */
  loopP99Ms: number
}

export interface PlaneOptions {
  given?: GivenPlane | undefined
  /** Where profiles go; none are made when left out. */
  profileDir?: string | undefined
  args?: readonly string[]
  /** One on the same database, whose operators are those of this one as well. */
  beside?: Plane | undefined
}

export async function openPlane(options: PlaneOptions): Promise<Plane> {
  const { given, profileDir, args, beside } = options
  if (given) return planeAt(given, undefined)
  const folder = await mkdtemp(join(tmpdir(), 'plexd-bench-'))
  const env = profilingIn(profileDir)
  const all = [...(args ?? []), ...(beside ? keyOf(beside) : [])]
  const close = () => rm(folder, { recursive: true, force: true })
  return openPlaneIn(folder, { env, args: all, tokenFile: beside?.tokenFile }, close)
}

function keyOf({ own }: Plane): string[] {
  return own ? ['--master-key-file', join(own.dataDir, 'master.key')] : []
}

/** One of our own in a folder, which may have its data already. */
export async function openPlaneIn(
  folder: string,
  {
    args = [],
    tokenFile,
    ...options
  }: ControlPlaneOptions & { tokenFile?: string | undefined } = {},
  close = async (): Promise<void> => {},
): Promise<Plane> {
  const own = await startControlPlaneProcess(folder, {
    args: ['--log-level', 'warn', ...unlimited, ...args],
    ...options,
  })
  const { url, caFile, adminTokenFile } = own
  return planeAt({ url, caFile, tokenFile: tokenFile ?? adminTokenFile }, own, async () => {
    await own.end()
    await close()
  })
}

/**
 * Without these limits: the benches measure what a change costs, with nodes that move without pause, and races whose
 * thousands of losers come from one address.
 */
export const unlimited = [
  'endpoint_changes',
  'node_writes_per_second',
  'node_state_bytes_per_second',
  'wrong_tokens',
].flatMap((name) => ['--limit', `${name}=1000000000`])

async function planeAt(
  { url, caFile, tokenFile }: GivenPlane,
  own: ControlPlaneProcess | undefined,
  close = async (): Promise<void> => {},
): Promise<Plane> {
  const token = (await readFile(tokenFile, 'utf8')).trim()
  const transport = createHttpTransport({
    baseUrl: url,
    caFile,
    userAgent: 'plexd-bench',
    timeoutMs: 120_000,
  })
  return {
    url,
    ca: await readFile(caFile, 'utf8'),
    caFile,
    adminToken: token,
    tokenFile,
    admin: createClient(adminApi, transport, () => token),
    own,
    async usage() {
      const { body } = await transport({ method: 'GET', path: '/metrics', headers: {} })
      return usageOf(body)
    },
    async [Symbol.asyncDispose]() {
      transport[Symbol.dispose]()
      await close()
    },
  }
}

function usageOf(metrics: string): Usage {
  const value = (name: string): number =>
    Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(metrics)?.[1] ?? NaN)
  return {
    cpuSeconds: value('process_cpu_seconds_total'),
    rssBytes: value('process_resident_memory_bytes'),
    streams: value('plexd_event_streams_open'),
    loopP99Ms: value('plexd_event_loop_lag_p99_seconds') * 1_000,
  }
}

/** The environment of a program to be profiled (profile/preload.mjs). */
export function profilingIn(folder: string | undefined): Record<string, string> {
  if (folder === undefined) return {}
  const preload = pathToFileURL(join(import.meta.dirname, '../profile/preload.mjs')).href
  return { NODE_OPTIONS: `--import=${preload}`, PLEXD_PROFILE_DIR: folder }
}
