import { setTimeout as delay } from 'node:timers/promises'
import type { PolicyRule } from '@plexd/protocol'
import { type Quantiles, quantiles } from '../quantiles.ts'
import { addressOf } from './http/connection.ts'
import { createRequests, type Requests } from './http/requests.ts'
import { join, putRules, rulesOf, type Topology } from './join.ts'
import type { Plane } from './plane.ts'
import { type Progress, progressOfAll } from './worker/progress.ts'
import type { EventWatch } from './worker/watches.ts'
import type { Identity, LiveOptions, WorkerPage } from './worker/worker-api.ts'
import { startWorkers, type Workers } from './workers.ts'

export interface FleetOptions {
  agents: number
  /** One for each 5,000 agents when left out. */
  workers?: number | undefined
  /** Left out for a scenario that registers the agents itself. */
  topology?: Topology
}

/** N agents in a few processes, and the control plane that they belong to. */
export interface Fleet extends AsyncDisposable, Pick<Workers, 'each'> {
  readonly plane: Plane
  readonly size: number
  /** The numbers of all agents. */
  readonly numbers: readonly number[]
  readonly identities: readonly Identity[]
  /** For what a scenario does in an agent's place. */
  readonly requests: Requests
  register(tokens: readonly string[]): Promise<Identity[]>
  /** Registers, opens the streams and pulls the states. */
  enrol(tokens: readonly string[]): Promise<void>
  pull(numbers?: readonly number[]): Promise<void>
  /** Resolves to how long each took, in milliseconds. */
  open(numbers?: readonly number[]): Promise<number[]>
  close(numbers?: readonly number[]): Promise<void>
  live(options?: LiveOptions): Promise<void>
  /** From now on they send only heartbeats; without these, the control plane would report them to their peers as unreachable. */
  rest(): Promise<void>
  hang(numbers: readonly number[]): Promise<void>
  recover(numbers: readonly number[]): Promise<void>
  /** Makes the change and waits until all of `among` have been told; the times in milliseconds since it was requested. */
  change(
    event: EventWatch & { among: readonly number[]; timeoutMs?: number },
    change: () => Promise<unknown>,
  ): Promise<Quantiles>
  /** The agent moves to another endpoint and reports it. */
  move(agent: number, endpoint: string): Promise<void>
  /** The same, until the others (of all agents, or of `among`) have been told. */
  moveAndTell(agent: number, endpoint: string, among?: readonly number[]): Promise<Quantiles>
  putPolicy(rules: readonly PolicyRule[]): Promise<void>
  progress(sinceMs?: number): Promise<Progress>
  /** Answers and faults since the last time. */
  take(): Promise<WorkerPage>
}

/** The intervals of our agent. */
export const usualLife: LiveOptions = { heartbeatMs: 30_000, pullMs: 60_000, endpointMs: 60_000 }
/** So that a quick run sees some of each. */
export const quickLife: LiveOptions = { heartbeatMs: 400, pullMs: 400, endpointMs: 400 }

const onlyHeartbeats: LiveOptions = { heartbeatMs: 30_000, pullMs: 0, endpointMs: 0 }
export const noLife: LiveOptions = { heartbeatMs: 0, pullMs: 0, endpointMs: 0 }
const connectionsPerWorker = 128

export async function startFleet(plane: Plane, options: FleetOptions): Promise<Fleet> {
  await using stack = new AsyncDisposableStack()
  const { agents: size, topology } = options
  const { url, ca, admin } = plane
  const workers = stack.use(
    await startWorkers({ url, ca, connections: connectionsPerWorker, ...options }),
  )
  const requests = stack.use(createRequests(addressOf(url, ca), connectionsPerWorker))
  const { each, eachOf, partOf } = workers
  const numbers = Array.from({ length: size }, (_, index) => index)

  const live = async (options: LiveOptions): Promise<void> =>
    void (await each((worker) => worker.live(options)))
  const register = async (tokens: readonly string[]): Promise<Identity[]> => {
    const parts = await each((worker, index) => worker.register(partOf(tokens, index)))
    return parts.flat().filter((identity) => identity !== undefined)
  }

  let identities: Identity[] = []
  if (topology) {
    identities = await join(admin, size, register)
    // As long as no node sees another, this changes nothing for anyone, and the answers list no peers.
    await each((worker) => worker.report())
    await putRules(admin, rulesOf(topology, size))
    // A node silent for 90 s is reported as unreachable, and connecting a large fleet takes longer.
    await live(onlyHeartbeats)
  }
  const opened = stack.move()

  const fleet: Fleet = {
    plane,
    size,
    numbers,
    identities,
    requests,
    each,
    register,
    putPolicy: (rules) => putRules(admin, rules),
    async enrol(tokens) {
      await each((worker, index) => worker.enrol(partOf(tokens, index)))
    },
    async pull(some) {
      await eachOf(some, (worker, own) => worker.pull(own))
    },
    open: async (some) => (await eachOf(some, (worker, own) => worker.open(own))).flat(),
    async close(some) {
      await eachOf(some, (worker, own) => worker.close(own))
    },
    live: (options = usualLife) => live(options),
    rest: () => live(onlyHeartbeats),
    async hang(some) {
      await eachOf(some, (worker, own = []) => worker.hang(own))
    },
    async recover(some) {
      await eachOf(some, (worker, own = []) => worker.recover(own))
    },
    change: async (event, change) => quantiles(await workers.told(event, change)),
    async move(agent, endpoint) {
      const statuses = await each((worker) => worker.move({ agent, endpoint }))
      if (!statuses.includes(200)) throw new Error(`report endpoint: ${statuses}`)
    },
    moveAndTell(agent, endpoint, among = numbers) {
      const others = among.filter((other) => other !== agent)
      const event = { type: 'peer_endpoint_changed', text: `"${endpoint}"`, among: others }
      return fleet.change(event, () => fleet.move(agent, endpoint))
    },
    progress: async (sinceMs = 0) =>
      progressOfAll(await each((worker) => worker.progress(sinceMs))),
    async take() {
      const pages = await each((worker) => worker.take())
      return {
        tally: pages.flatMap(({ tally }) => tally),
        faults: pages.flatMap(({ faults }) => faults),
        verified: pages.reduce((sum, { verified }) => sum + verified, 0),
        rssBytes: pages.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
      }
    },
    async [Symbol.asyncDispose]() {
      await live(noLife)
      await fleet.close()
      await delay(50)
      await opened.disposeAsync()
    },
  }
  return fleet
}
