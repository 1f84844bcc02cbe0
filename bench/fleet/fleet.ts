import { setTimeout as delay } from 'node:timers/promises'
import type { PolicyRule } from '@plexd/protocol'
import { addressOf } from './http/connection.ts'
import { createRequests, type Requests } from './http/requests.ts'
import { join, putRules, rulesOf, type Topology } from './join.ts'
import type { Plane } from './plane.ts'
import { type Progress, progressOfAll } from './worker/progress.ts'
import type { TallyPage } from './worker/tally.ts'
import { monotonicMs } from './worker/watches.ts'
import type { Identity, LiveOptions, WorkerPage } from './worker/worker-api.ts'
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts'

export interface FleetOptions {
  agents: number
  workers: number
  topology: Topology
  /** Whether the streams take up their TLS sessions when they are opened again. */
  resume?: boolean
  /** False for a scenario that registers the agents itself. */
  enrol?: boolean
}

/** What all agents saw of one change, in milliseconds since it was asked for. */
export interface Spread {
  count: number
  medianMs: number
  p99Ms: number
  /** Until the last one had it. */
  lastMs: number
}

/** N agents in a few processes, and the control plane that they belong to. */
export interface Fleet extends AsyncDisposable {
  readonly plane: Plane
  readonly size: number
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
  /** From now on they send heartbeats only: without these the control plane would give them up, and tell their peers. */
  rest(): Promise<void>
  hang(numbers: readonly number[]): Promise<void>
  recover(numbers: readonly number[]): Promise<void>
  /** Does the change and waits until as many agents as are to hear of it have had an event of this type with the text. */
  change(
    watch: { type: string; text?: string; among: readonly number[]; timeoutMs?: number },
    change: () => Promise<unknown>,
  ): Promise<Spread>
  /** The agent is somewhere else from now on, and says so. */
  move(agent: number, endpoint: string): Promise<void>
  putPolicy(rules: readonly PolicyRule[]): Promise<void>
  progress(sinceMs?: number): Promise<Progress>
  /** Answers and faults since the last time. */
  take(): Promise<FleetPage>
  each<Result>(run: (worker: WorkerProcess['api']) => Promise<Result>): Promise<Result[]>
}

export interface FleetPage {
  tally: TallyPage[]
  faults: string[]
  events: number
  verified: number
  rssBytes: number
  cpuMs: number
}

/** How our agent does it. */
export const usualLife: LiveOptions = { heartbeatMs: 30_000, pullMs: 60_000, endpointMs: 60_000 }

const onlyHeartbeats: LiveOptions = { heartbeatMs: 30_000, pullMs: 0, endpointMs: 0 }
const connectionsPerWorker = 128

export async function startFleet(plane: Plane, options: FleetOptions): Promise<Fleet> {
  await using stack = new AsyncDisposableStack()
  const { agents, workers: workerCount, topology, resume = false, enrol = true } = options
  const processes = Array.from({ length: workerCount }, () => stack.use(startWorkerProcess()))
  const share = Math.ceil(agents / workerCount)
  const firsts = processes.map((_, index) => index * share)
  const requests = stack.use(createRequests(addressOf(plane.url, plane.ca), connectionsPerWorker))

  const each = <Result>(
    run: (worker: WorkerProcess['api'], index: number) => Promise<Result>,
  ): Promise<Result[]> => Promise.all(processes.map(({ api }, index) => run(api, index)))

  /** The agents of each worker. */
  const split = (numbers: readonly number[], worker: number): number[] =>
    numbers.filter((number) => Math.floor(number / share) === worker)
  const eachOf = <Result>(
    numbers: readonly number[] | undefined,
    run: (worker: WorkerProcess['api'], numbers?: number[]) => Promise<Result>,
  ): Promise<Result[]> =>
    each((worker, index) => (numbers ? run(worker, split(numbers, index)) : run(worker)))

  await each((worker, index) =>
    worker.setup({
      url: plane.url,
      ca: plane.ca,
      first: firsts[index] ?? 0,
      count: Math.min(share, agents - (firsts[index] ?? 0)),
      connections: connectionsPerWorker,
      resume,
    }),
  )

  const concurrency = 64
  /** The tokens of each worker's agents. */
  const register = async (tokens: readonly string[], how: 'register' | 'enrol') => {
    const parts = await each((worker, index) => {
      const first = firsts[index] ?? 0
      return worker[how]({ tokens: tokens.slice(first, first + share), concurrency })
    })
    return parts.flat()
  }
  const identities = enrol
    ? await join(plane.admin, agents, (tokens) => register(tokens, 'register'))
    : []
  if (enrol) {
    // While nobody sees anybody it is news for nobody, and answered with no peers.
    await each((worker) => worker.report({ concurrency: 32 }))
    await putRules(plane.admin, rulesOf(topology, agents))
    // Whoever is silent for 90 s is told to its peers as unreachable, and connecting a large fleet takes longer.
    await each((worker) => worker.live(onlyHeartbeats))
  }
  const opened = stack.move()

  const fleet: Fleet = {
    plane,
    size: agents,
    identities,
    requests,
    each,
    putPolicy: (rules) => putRules(plane.admin, rules),
    register: async (tokens) =>
      (await register(tokens, 'register')).filter((identity) => identity !== undefined),
    enrol: (tokens) => register(tokens, 'enrol').then(() => undefined),
    pull: (numbers) =>
      eachOf(numbers, (worker, own) =>
        worker.pull({ concurrency: 32, ...(own ? { agents: own } : {}) }),
      ).then(() => undefined),
    async open(numbers) {
      const times = await eachOf(numbers, (worker, own) =>
        worker.open({ concurrency: 64, ...(own ? { agents: own } : {}) }),
      )
      return times.flatMap((part) => Array.from(part.times))
    },
    close: (numbers) =>
      eachOf(numbers, (worker, own) => worker.close(own ? { agents: own } : {})).then(
        () => undefined,
      ),
    live: (given = usualLife) => each((worker) => worker.live(given)).then(() => undefined),
    rest: () => each((worker) => worker.live(onlyHeartbeats)).then(() => undefined),
    hang: (numbers) =>
      eachOf(numbers, (worker, own = []) => worker.hang({ agents: own })).then(() => undefined),
    recover: (numbers) =>
      eachOf(numbers, (worker, own = []) => worker.recover({ agents: own })).then(() => undefined),
    async change({ type, text = '', among, timeoutMs = 60_000 }, change) {
      const want = among.length
      const sightings = each((worker, index) =>
        worker.watch({ type, text, want: split(among, index).length, timeoutMs }),
      )
      // The watches are there before the change is: calls to a worker stay in order.
      await each((worker) => worker.progress({ sinceMs: 0 }))
      const startMs = monotonicMs()
      await change()
      const times = (await sightings).flatMap((part) => part.times).map((ms) => ms - startMs)
      if (times.length < want)
        throw new Error(
          `wait for "${type}": ${times.length} of ${want} agents had it after ${timeoutMs / 1_000} s`,
        )
      const sorted = times.toSorted((a, b) => a - b)
      const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1] ?? 0
      return { count: times.length, medianMs: at(0.5), p99Ms: at(0.99), lastMs: at(1) }
    },
    async move(agent, endpoint) {
      const statuses = await each((worker) => worker.move({ agent, endpoint }))
      if (!statuses.includes(200)) throw new Error(`report endpoint: ${statuses}`)
    },
    async progress(sinceMs = 0) {
      return progressOfAll(await each((worker) => worker.progress({ sinceMs })))
    },
    async take() {
      const pages = await each((worker) => worker.take())
      const sum = (of: (page: WorkerPage) => number): number =>
        pages.reduce((total, page) => total + of(page), 0)
      return {
        tally: pages.map(({ tally }) => tally),
        faults: pages.flatMap((page) => page.faults),
        events: sum(({ events }) => events),
        verified: sum(({ verified }) => verified),
        rssBytes: sum(({ rssBytes }) => rssBytes),
        cpuMs: sum(({ cpuMs }) => cpuMs),
      }
    },
    async [Symbol.asyncDispose]() {
      await each((worker) => worker.rest())
      await fleet.close()
      await delay(50)
      await opened.disposeAsync()
    },
  }
  return fleet
}
