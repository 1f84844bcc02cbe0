import type { EventWatch } from './worker/watches.ts'
import { monotonicMs } from './worker/watches.ts'
import { type RemoteWorker, startWorkerProcess } from './worker-process.ts'

/** The processes that simulate the agents of a fleet. An agent is known by its number in the whole fleet. */
export interface Workers extends AsyncDisposable {
  each<Result>(run: (worker: RemoteWorker, index: number) => Promise<Result>): Promise<Result[]>
  /** As `each`, with those of the agents that the worker simulates; undefined stands for all agents. */
  eachOf<Result>(
    agents: readonly number[] | undefined,
    run: (worker: RemoteWorker, agents?: number[]) => Promise<Result>,
  ): Promise<Result[]>
  /**
   * Acts, and waits until each of the agents has received such an event. Resolves to the milliseconds from the start
   * of the action until each had it.
   */
  told(
    event: EventWatch & { among: readonly number[]; timeoutMs?: number },
    act: () => Promise<unknown>,
  ): Promise<number[]>
  /** The part of a list, with one item for each agent, that belongs to the worker. */
  partOf<Item>(items: readonly Item[], worker: number): Item[]
}

/** One process uses a core up with about as many agents, and the machine has two. */
const agentsPerWorker = 5_000

export interface WorkersOptions {
  url: string
  ca: string
  agents: number
  workers?: number | undefined
  /** Of each worker, for everything but streams. */
  connections: number
}

export async function startWorkers({ url, ca, agents, connections, ...options }: WorkersOptions) {
  await using stack = new AsyncDisposableStack()
  const { workers: count = Math.ceil(agents / agentsPerWorker) } = options
  const processes = Array.from({ length: count }, () => stack.use(startWorkerProcess()))
  const share = Math.ceil(agents / count)
  const each: Workers['each'] = (run) =>
    Promise.all(processes.map(({ api }, index) => run(api, index)))
  const ownOf = (numbers: readonly number[], worker: number): number[] =>
    numbers.filter((number) => Math.floor(number / share) === worker)

  await each((worker, index) => {
    const first = index * share
    return worker.setup({ url, ca, first, count: Math.min(share, agents - first), connections })
  })
  const started = stack.move()
  const workers: Workers = {
    each,
    eachOf: (numbers, run) =>
      each((worker, index) => (numbers ? run(worker, ownOf(numbers, index)) : run(worker))),
    async told({ type, text, among, timeoutMs = 60_000 }, act) {
      const times = each((worker, index) =>
        worker.watch({ type, text, want: ownOf(among, index).length, timeoutMs }),
      )
      // Calls to a worker are handled in order: once this one is answered, the watches are set.
      await each((worker) => worker.progress(0))
      const startMs = monotonicMs()
      await act()
      const found = (await times).flat().map((ms) => ms - startMs)
      if (found.length < among.length)
        throw new Error(
          `wait for "${type}": ${found.length} of ${among.length} agents had it after ${timeoutMs / 1_000} s`,
        )
      return found
    },
    partOf: (items, worker) => items.slice(worker * share, (worker + 1) * share),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
  return workers
}
