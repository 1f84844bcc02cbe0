import type { LedgerPage } from './ledger.ts'
import type { Progress } from './progress.ts'
import type { TallyPage } from './tally.ts'
import type { WatchRequest } from './watches.ts'

/**
 * What a process with simulated agents does for the fleet. An agent is known by its number in the whole fleet; a list
 * of agents that is left out stands for all that have registered.
 */
export interface WorkerApi {
  setup(options: WorkerOptions): void
  /** One token for each agent, in order, 64 at a time; an agent that is refused has no identity. */
  register(tokens: string[]): Promise<(Identity | undefined)[]>
  /** The same, and each opens its stream and then pulls its state, so that it misses nothing between the two. */
  enrol(tokens: string[]): Promise<void>
  /** As if all had registered, for a server that knows no nodes. */
  pretend(): void
  /** Each pulls its state, by its revision where it has one; 32 at a time. */
  pull(agents?: number[]): Promise<void>
  /** Each reports its endpoint; 32 at a time. */
  report(): Promise<void>
  /** If the worker has the agent, it moves and reports that; resolves to the status of the answer. */
  move(options: { agent: number; endpoint: string }): Promise<number | undefined>
  /** Opens the streams, from each agent's cursor, 64 at a time; resolves to how long each took, in milliseconds. */
  open(agents?: number[]): Promise<number[]>
  /** Closes streams, which are not opened again. */
  close(agents?: number[]): void
  /** From now on all agents, once they have registered, send heartbeats, pull and report, each in its own rhythm. Zero stands for never. */
  live(options: LiveOptions): void
  /** They stop reading their streams and send nothing, like a machine that hangs. */
  hang(agents: number[]): void
  recover(agents: number[]): void
  watch(request: WatchRequest): Promise<number[]>
  progress(sinceMs: number): Progress
  /** Answers and faults since the last time. */
  take(): Promise<WorkerPage>
  ledgers(): LedgerPage[]
  /** Each asks whether its state is the newest; resolves to the names of those whose state is not. */
  settle(): Promise<string[]>
  /** From now on the first `count` agents fold their events into a state. */
  fold(count: number): Promise<void>
  foldFaults(): Promise<string[]>
  /** Sends one request after another over each of so many connections. */
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
}

/** Without `pullMs` no agent pulls, even when it is told to. */
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
  /** Signatures, from the beginning. */
  verified: number
  rssBytes: number
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
