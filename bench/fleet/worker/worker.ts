/** A process with simulated agents; `worker-process.ts` starts it and talks to it. */
import type { NodeState } from '@plexd/protocol'
import { controlApi, fillPath } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { addressOf } from '../http/connection.ts'
import { createRequests } from '../http/requests.ts'
import { inParallel } from '../in-parallel.ts'
import { Agent, type World } from './agent.ts'
import { createEventBlocks } from './event-blocks.ts'
import { flood } from './flood.ts'
import { FoldedState } from './folded-state.ts'
import { createLife } from './life.ts'
import { createNotes, type Notes } from './notes.ts'
import { progressOf } from './progress.ts'
import { createWatches, monotonicMs } from './watches.ts'
import type { Identity, WorkerApi, WorkerOptions } from './worker-api.ts'

type Worker = Omit<WorkerApi, 'setup'>

function createWorker({ first, count, ...options }: WorkerOptions): Worker {
  const notes = createNotes()
  const world = createWorld(options, notes)
  const life = createLife()
  const agents = Array.from({ length: count }, (_, index) => new Agent(first + index, world))

  /** The agents with these numbers; without numbers, all that have registered. */
  const some = (numbers?: readonly number[]): readonly Agent[] =>
    numbers?.flatMap((number) => agents[number - first] ?? []) ??
    agents.filter(({ identity }) => identity)

  async function admit(index: number, token: string): Promise<Identity | undefined> {
    const identity = await agents[index]?.register(token)
    if (identity) notes.trust(identity.signing_public_key)
    return identity
  }

  return {
    register: (tokens) => inParallel(tokens, 64, (token, index) => admit(index, token)),
    async enrol(tokens) {
      await inParallel(tokens, 64, async (token, index) => {
        await admit(index, token)
        await agents[index]?.open()
        await agents[index]?.pull({ whole: true })
      })
    },
    pretend() {
      for (const agent of agents) agent.pretend()
    },
    async pull(numbers) {
      await inParallel(some(numbers), 32, (agent) => agent.pull())
    },
    async report() {
      await inParallel(some(), 32, (agent) => agent.reportEndpoint())
    },
    move: async ({ agent, endpoint }) => some([agent])[0]?.reportEndpoint(endpoint),
    open: (numbers) =>
      inParallel(some(numbers), 64, async (agent) => {
        const startMs = monotonicMs()
        await agent.open()
        return monotonicMs() - startMs
      }),
    close(numbers) {
      for (const agent of some(numbers)) agent.close()
    },
    live: (options) => life.start(agents, options),
    hang: (numbers) => life.hang(some(numbers)),
    recover: (numbers) => life.recover(some(numbers)),
    watch: (request) => world.watches.start(request),
    progress: (sinceMs) => ({ ...progressOf(some(), sinceMs), events: notes.events() }),
    take: () => notes.take(),
    ledgers: () => some().map(({ ledger, identity }) => ledger.page(identity?.node_id ?? '')),
    async settle() {
      const stale = await inParallel(some(), 32, async (agent) => {
        const status = await agent.prove()
        return status === 304 ? [] : [`${agent.hostname} (${status})`]
      })
      return stale.flat()
    },
    async fold(count) {
      for (const agent of some().slice(0, count))
        agent.folded = await FoldedState.from(() => stateOf(world, agent))
    },
    async foldFaults() {
      const found = await inParallel(some(), 4, async ({ folded, hostname }) => {
        const difference = await folded?.difference()
        return difference === undefined ? [] : [`${hostname}: ${difference}`]
      })
      return found.flat()
    },
    flood(options) {
      const identities = some().flatMap(({ identity }) => identity ?? [])
      return flood(world, identities, options)
    },
  }
}

function createWorld(
  { url, ca, connections }: Omit<WorkerOptions, 'first' | 'count'>,
  notes: Notes,
): World {
  const address = addressOf(url, ca)
  const watches = createWatches()
  const blocks = createEventBlocks((event) => {
    watches.parsed(event)
    notes.look(event)
  })
  return { address, requests: createRequests(address, connections), blocks, watches, ...notes }
}

/** The whole state; not counted in the tally. Asked for until it is there: a control plane may be away for a while. */
async function stateOf({ requests }: World, { identity }: Agent): Promise<NodeState> {
  const { node_id = '', node_token = '' } = identity ?? {}
  const path = fillPath(controlApi.getState.path, { node_id })
  const { body } = await until(
    `the state of "${node_id}"`,
    async () => {
      const answer = await requests.send({ method: 'GET', path, token: node_token })
      return answer.status === 200 && answer
    },
    60_000,
    500,
  )
  return JSON.parse(body.toString()) as NodeState // as the control plane sends it
}

let worker: Worker | undefined

function answer(method: keyof WorkerApi, argument: never): unknown {
  if (method === 'setup') {
    worker = createWorker(argument)
    return undefined
  }
  if (!worker) throw new Error('the worker was not set up')
  return worker[method](argument)
}

process.on('message', (call: { id: number; method: keyof WorkerApi; argument: never }) => {
  const { id, method, argument } = call
  const run = async (): Promise<unknown> => answer(method, argument)
  run().then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: describeError(error) }),
  )
})
process.on('disconnect', () => process.exit())
