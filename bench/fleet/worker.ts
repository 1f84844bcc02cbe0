/** A process with simulated agents; `worker-process.ts` starts it and talks to it. */
import { setTimeout as delay } from 'node:timers/promises'
import type { NodeState } from '@plexd/protocol'
import { controlApi, fillPath } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import { Agent, type World } from './agent.ts'
import { addressOf } from './connection.ts'
import { createEventBlocks } from './event-blocks.ts'
import { FoldedState } from './folded-state.ts'
import { inParallel } from './in-parallel.ts'
import { createRequests } from './requests.ts'
import { Tally } from './tally.ts'
import { createVerifier, type Verifier } from './verifier.ts'
import { createWatches, monotonicMs } from './watches.ts'
import type { Identity, WorkerApi, WorkerOptions } from './worker-api.ts'

function createWorker(): WorkerApi {
  const tally = new Tally()
  const watches = createWatches()
  const faults: string[] = []
  let events = 0
  let verifier: Verifier | undefined
  let options: WorkerOptions | undefined
  let world: World | undefined
  let agents: Agent[] = []
  /** Loops of an earlier one end. */
  let generation = 0
  const hanging = new Set<number>()

  function some(numbers: readonly number[] | undefined): readonly Agent[] {
    if (!numbers) return agents.filter(({ identity }) => identity)
    return numbers.flatMap((number) => agents[number - (options?.first ?? 0)] ?? [])
  }

  async function stateOf(agent: Agent): Promise<NodeState> {
    const { node_id = '', node_token = '' } = agent.identity ?? {}
    const answer = await worldOf().requests.send({
      method: 'GET',
      path: fillPath(controlApi.getState.path, { node_id }),
      token: node_token,
    })
    if (answer.status !== 200) throw new Error(`pull state: ${answer.status}`)
    return JSON.parse(answer.body.toString()) as NodeState // as the control plane sends it
  }

  async function admit(index: number, token: string): Promise<Identity | undefined> {
    const identity = await agents[index]?.register(token)
    if (identity) verifier ??= createVerifier(identity.signing_public_key)
    return identity
  }

  function worldOf(): World {
    if (!world) throw new Error('the worker was not set up')
    return world
  }

  return {
    setup(given) {
      options = given
      const address = addressOf(given.url, given.ca)
      world = {
        address,
        requests: createRequests(address, given.connections),
        blocks: createEventBlocks((event) => {
          watches.parsed(event)
          verifier?.look(event)
        }),
        watches,
        tally,
        resume: given.resume,
        fault: (text) => faults.push(text),
        counted: () => events++,
      }
      const own = world
      agents = Array.from(
        { length: given.count },
        (_, index) => new Agent(given.first + index, own),
      )
    },
    register: ({ tokens, concurrency }) =>
      inParallel(tokens, concurrency, (token, index) => admit(index, token)),
    enrol: ({ tokens, concurrency }) =>
      inParallel(tokens, concurrency, async (token, index) => {
        const identity = await admit(index, token)
        await agents[index]?.open()
        await agents[index]?.pull({ whole: true })
        return identity
      }),
    pretend() {
      for (const agent of agents) agent.pretend()
    },
    async pull({ agents: numbers, concurrency }) {
      await inParallel(some(numbers), concurrency, (agent) => agent.pull())
    },
    async report({ concurrency }) {
      await inParallel(some(undefined), concurrency, (agent) => agent.reportEndpoint())
    },
    async move({ agent, endpoint }) {
      const [one] = some([agent])
      return one?.reportEndpoint(endpoint)
    },
    async open({ agents: numbers, concurrency }) {
      const times = await inParallel(some(numbers), concurrency, async (agent) => {
        const startMs = monotonicMs()
        await agent.open()
        return monotonicMs() - startMs
      })
      return { times: Float64Array.from(times) }
    },
    close({ agents: numbers }) {
      for (const agent of some(numbers)) agent.close()
    },
    live({ heartbeatMs, pullMs, endpointMs }) {
      const own = ++generation
      const isOver = (): boolean => generation !== own
      for (const agent of some(undefined)) {
        const loop = (everyMs: number, run: () => Promise<unknown>): void => {
          if (everyMs === 0) return
          const unlessHanging = async () => (hanging.has(agent.index) ? undefined : run())
          void agent.repeat(everyMs, unlessHanging, isOver)
        }
        loop(heartbeatMs, () => agent.heartbeat({ pulls: pullMs > 0 }))
        loop(pullMs, () => agent.pull())
        loop(endpointMs, () => agent.reportEndpoint())
      }
    },
    rest() {
      generation++
    },
    hang({ agents: numbers }) {
      for (const agent of some(numbers)) {
        hanging.add(agent.index)
        agent.hang()
      }
    },
    recover({ agents: numbers }) {
      for (const agent of some(numbers)) {
        hanging.delete(agent.index)
        agent.recover()
      }
    },
    watch: (request) => watches.start(request),
    progress({ sinceMs }) {
      const own = some(undefined)
      const current = own.filter(({ currentMs, isOpen }) => isOpen && currentMs > sinceMs)
      return {
        open: own.filter(({ isOpen }) => isOpen).length,
        current: current.length,
        lastCurrentMs: current.reduce((last, { currentMs }) => Math.max(last, currentMs), 0),
        fewestPeers: own.reduce((least, { peers }) => Math.min(least, peers), Infinity),
        events,
      }
    },
    async take() {
      await verifier?.settled()
      const { user, system } = process.cpuUsage()
      return {
        tally: tally.take(),
        faults: [...faults.splice(0), ...(verifier?.faults ?? [])],
        events,
        verified: verifier?.verified() ?? 0,
        rssBytes: process.memoryUsage.rss(),
        cpuMs: (user + system) / 1_000,
      }
    },
    ledgers: () =>
      some(undefined).map(({ ledger, identity }) => ({
        nodeId: identity?.node_id ?? '',
        startSeq: ledger.startSeq,
        seqs: ledger.seqs,
        outOfTurn: ledger.outOfTurn,
        pulled: ledger.pulled,
      })),
    async settle() {
      const statuses = await inParallel(some(undefined), 32, async (agent) => ({
        hostname: agent.hostname,
        status: await agent.prove(),
      }))
      return {
        stale: statuses
          .filter(({ status }) => status !== 304)
          .map(({ hostname, status }) => `${hostname} (${status})`),
      }
    },
    async fold({ count }) {
      for (const agent of some(undefined).slice(0, count))
        agent.folded = await FoldedState.from(() => stateOf(agent))
    },
    async foldFaults() {
      const found = await inParallel(some(undefined), 4, async ({ folded, hostname }) => {
        const difference = await folded?.difference()
        return difference === undefined ? [] : [`${hostname}: ${difference}`]
      })
      return found.flat()
    },
    async flood({ kind, method, path, headers, body, seconds, connections }) {
      const own = some(undefined)
      using requests = createRequests(worldOf().address, connections)
      const startMs = monotonicMs()
      const endMs = startMs + seconds * 1_000
      let count = 0
      const send = async (): Promise<void> => {
        while (monotonicMs() < endMs) {
          const { node_id = '', node_token = '' } = own[count++ % own.length]?.identity ?? {}
          const answer = await requests.send({
            method,
            path: path.replace('{node_id}', node_id),
            token: node_token,
            ...(headers ? { headers } : {}),
            ...(body === undefined ? {} : { body }),
          })
          tally.add(kind, answer.status, answer.ms)
          // A server that is down answers at once.
          if (answer.status === 0) await delay(50)
        }
      }
      await Promise.all(Array.from({ length: connections }, send))
      return { count, ms: monotonicMs() - startMs }
    },
  }
}

const worker = createWorker()

process.on('message', (call: { id: number; method: keyof WorkerApi; argument: never }) => {
  const { id, method, argument } = call
  const run = async (): Promise<unknown> => worker[method](argument)
  run().then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: describeError(error) }),
  )
})
process.on('disconnect', () => process.exit())
