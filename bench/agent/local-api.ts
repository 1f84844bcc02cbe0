import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import type { Bench, BenchContext } from '../bench.ts'
import type { Plane } from '../fleet/plane.ts'
import { quantiles } from '../quantiles.ts'
import type { LoadOrder, LoadResult } from './load.ts'

/** A1 to A3: the Local Node API over its Unix socket, where the kernel says who is calling. */
export const localApiBench: Bench = {
  name: 'local-api',
  targets: ['A1', 'A2', 'A3'],
  summary: 'reads and durable writes per second of a real plexd, beside bare node:http',
  async run(context) {
    const plane = await context.plane()
    await using agent = await startAgent(plane)
    const readOne = { path: '/v1/state/data/bench%2F7', connections: 16 }
    const readAll = { path: '/v1/state', connections: 16 }
    await reads(context, agent, { id: 'A1', what: 'GET of one key', ...readOne, atLeast: 60_000 })
    await reads(context, agent, { id: 'A2', what: 'GET /v1/state', ...readAll, atLeast: 45_000 })
    for (const [connections, atLeast] of [
      [1, 700],
      [16, 3_000],
      [64, 7_000],
    ] as const)
      await writes(context, agent, connections, atLeast)
  },
}

async function startAgent(plane: Plane): Promise<AgentProcess> {
  if (!plane.own) throw new Error('start agent: it needs a control plane of our own')
  const { body } = await plane.admin.createToken({ body: { hostname: 'bench' } })
  const agent = await startAgentProcess(join(plane.own.dataDir, '..'), {
    hostname: 'bench',
    token: body.token,
    controlPlane: plane,
    args: ['--log-level', 'warn'],
  })
  for (let index = 0; index < 50; index++)
    await plane.admin.putData({
      params: { key: `bench/${index}` },
      body: {
        target: { selector: '*' },
        content_type: 'application/json',
        payload: { index, text: 'some words that a program reads when it starts' },
      },
    })
  const local = createClient(localApi, createUnixTransport(agent.socket))
  while ((await local.listData({})).body.length < 50) await delay(50)
  return agent
}

interface Reads {
  id: string
  what: string
  path: string
  connections: number
  atLeast: number
}

async function reads(context: BenchContext, agent: AgentProcess, wanted: Reads): Promise<void> {
  const { id, what, path, connections, atLeast } = wanted
  const order = orderOf(context, { path, connections })
  const bytes = await sizeOf(agent.socket, path)
  await using bare = await startBare(`${agent.socket}.bare`, bytes)
  const rounds = context.rounds ?? (context.quick ? 1 : 3)
  const ours: LoadResult[] = []
  const floor: LoadResult[] = []
  for (let round = 0; round < rounds; round++) {
    ours.push(await load(context, { ...order, to: agent.socket }))
    floor.push(await load(context, { ...order, to: bare.socket }))
  }
  const rates = ours.map(({ perSecond }) => perSecond)
  context.add({
    id,
    what: `${what}, ${connections} connections`,
    unit: '/s',
    value: quantiles(rates).median,
    low: Math.min(...rates),
    high: Math.max(...rates),
    rounds,
    floor: { what: 'node:http', value: quantiles(floor.map(({ perSecond }) => perSecond)).median },
    target: { atLeast },
  })
  context.add({
    id,
    what: `${what}, p99`,
    unit: 'ms',
    value: quantiles(ours.map(({ p99Ms }) => p99Ms)).median,
    floor: { what: 'node:http', value: quantiles(floor.map(({ p99Ms }) => p99Ms)).median },
    target: { atMost: id === 'A1' ? 1 : 1.2 },
  })
}

/** Reads beside writes have a floor: the same load on a server that stores nothing. */
async function writes(
  context: BenchContext,
  agent: AgentProcess,
  connections: number,
  atLeast: number,
): Promise<void> {
  const ours = await writeAndRead(context, agent.socket, connections)
  await using bare = await startBare(`${agent.socket}.bare`, 200)
  const floor = await writeAndRead(context, bare.socket, connections)
  context.add({
    id: 'A3',
    what: `durable PUT of a report, ${connections} connections`,
    unit: '/s',
    value: ours.written.perSecond,
    target: { atLeast },
  })
  context.add({
    id: 'A3',
    what: `GET over one more connection beside ${connections} such, p99`,
    unit: 'ms',
    value: ours.read.p99Ms,
    floor: { what: 'node:http that stores nothing', value: floor.read.p99Ms },
    target: { atMost: 2 },
  })
}

async function writeAndRead(context: BenchContext, to: string, connections: number) {
  const body = JSON.stringify({
    content_type: 'application/json',
    payload: { status: 'ok', checked: 'all of it' },
  })
  const write = orderOf(context, { path: '/v1/state/report/bench-#', connections })
  const one = orderOf(context, { path: '/v1/state/data/bench%2F7', connections: 1 })
  const [written, read] = await Promise.all([
    load(context, { ...write, to, method: 'PUT', body }),
    load(context, { ...one, to }),
  ])
  return { written, read }
}

function orderOf(
  { quick, seconds }: BenchContext,
  given: Pick<LoadOrder, 'path' | 'connections'>,
): Omit<LoadOrder, 'to'> {
  return { ...given, method: 'GET', seconds: seconds ?? (quick ? 1 : 5), wants: 'HTTP/1.1 200' }
}

const run = promisify(execFile)

async function load(context: BenchContext, order: LoadOrder): Promise<LoadResult> {
  const args = [join(import.meta.dirname, 'load.ts'), JSON.stringify(order)]
  const { stdout } = await run(process.execPath, args)
  const result: LoadResult = JSON.parse(stdout)
  for (const line of result.wrong) context.fault(`${order.method} ${order.path}: ${line}`)
  return result
}

async function startBare(socket: string, bytes: number) {
  const file = join(import.meta.dirname, '../floor/bare-local.ts')
  const child = fork(file, [socket, String(bytes)], { silent: true })
  const ended = once(child, 'exit')
  const listening = child.stdout && once(child.stdout, 'data')
  await Promise.race([
    listening,
    ended.then(() => Promise.reject(new Error('start bare server: it ended'))),
  ])
  return {
    socket,
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await ended
    },
  }
}

async function sizeOf(socket: string, path: string): Promise<number> {
  const { body } = await createUnixTransport(socket)({ method: 'GET', path, headers: {} })
  return Buffer.byteLength(body)
}
