import type { LedgerPage } from './ledger.ts'
import type { Progress } from './progress.ts'
import type { TallyPage } from './tally.ts'
import type { Sighting, WatchRequest } from './watches.ts'

/** What a process with simulated agents does for the fleet. Agents go by their number in the whole fleet. */
export interface WorkerApi {
  setup(options: WorkerOptions): void
  /** One token for each agent, in order; an agent that is refused has no identity. */
  register(options: { tokens: string[]; concurrency: number }): Promise<(Identity | undefined)[]>
  /** The same, and each opens its stream and then pulls its state, so that it misses nothing between the two. */
  enrol(options: { tokens: string[]; concurrency: number }): Promise<(Identity | undefined)[]>
  /** For a server that asks for nothing. */
  pretend(): void
  /** Each pulls its state, by its revision where it has one. */
  pull(options: { agents?: number[]; concurrency: number }): Promise<void>
  /** Each says where it is. */
  report(options: { concurrency: number }): Promise<void>
  /** If the agent is its own, it is somewhere else from now on, and says so; resolves with the status of the answer. */
  move(options: { agent: number; endpoint: string }): Promise<number | undefined>
  /** Opens the streams, from where each agent is; resolves with how long each took, in milliseconds. */
  open(options: { agents?: number[]; concurrency: number }): Promise<{ times: Float64Array }>
  /** Closes streams and opens them no more. */
  close(options: { agents?: number[] }): void
  /** From now on agents report, pull and say where they are, each at its own time. Zero for never. */
  live(options: LiveOptions): void
  rest(): void
  /** Reads no stream any more, as a machine that hangs; it says nothing either. */
  hang(options: { agents: number[] }): void
  recover(options: { agents: number[] }): void
  watch(request: WatchRequest): Promise<Sighting>
  progress(options: { sinceMs: number }): Progress
  /** Answers and faults since the last time. */
  take(): Promise<WorkerPage>
  ledgers(): LedgerPage[]
  /** Each asks whether it has the newest; those that have not are named. */
  settle(): Promise<{ stale: string[] }>
  /** From now on the first so many keep a whole state. */
  fold(options: { count: number }): Promise<void>
  foldFaults(): Promise<string[]>
  /** Sends one request after another over so many connections. */
  flood(options: FloodOptions): Promise<{ count: number; ms: number }>
}

export interface WorkerOptions {
  url: string
  ca: string
  /** Number of its first agent. */
  first: number
  count: number
  /** For everything but streams. */
  connections: number
  /** Whether a stream that is opened again takes up its TLS session. */
  resume: boolean
}

/** Without `pullMs` no agent pulls, whatever it is told. */
export interface LiveOptions {
  heartbeatMs: number
  pullMs: number
  endpointMs: number
}

/** What registration gave. */
export interface Identity {
  index: number
  hostname: string
  node_id: string
  mesh_ip: string
  node_token: string
  node_secret_key: string
  signing_public_key: string
}

export interface WorkerPage {
  tally: TallyPage
  faults: string[]
  events: number
  verified: number
  rssBytes: number
  cpuMs: number
}

export interface FloodOptions {
  kind: string
  method: string
  /** `{node_id}` is that of the agent whose turn it is. */
  path: string
  headers?: Record<string, string>
  body?: string | Uint8Array
  seconds: number
  connections: number
}
