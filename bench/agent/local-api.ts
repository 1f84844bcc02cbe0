import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import type { Bench, BenchContext } from '../bench.ts'
import type { Plane } from '../fleet/plane.ts'
import { startServer } from '../floor/server.ts'
import { cpuMsOf } from '../process-usage.ts'
import { type Quantiles, quantiles } from '../quantiles.ts'
import { addGain, medianOf } from '../scenarios/figures.ts'
import type { LoadOrder, LoadResult } from './load.ts'

/** A1 to A3: the Local Node API over its Unix socket, where the kernel identifies the caller. */
export const localApiBench: Bench = {
  name: 'local-api',
  targets: ['A1', 'A2', 'A3'],
  summary: 'reads and durable writes per second of a real plexd, beside bare node:http',
  async run(context) {
    const plane = await context.plane()
    await using agent = await startAgent(context, plane)
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

async function startAgent(context: BenchContext, plane: Plane): Promise<AgentProcess> {
  if (!plane.own) throw new Error('start agent: it needs a control plane of our own')
  const { body } = await plane.admin.createToken({ body: { hostname: 'bench' } })
  const agent = await startAgentProcess(join(plane.own.dataDir, '..'), {
    hostname: 'bench',
    token: body.token,
    controlPlane: plane,
    args: ['--log-level', 'warn'],
    env: context.profilingEnv,
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
  await until('50 entries', async () => (await local.listData({})).body.length === 50)
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
  await using bare = await startBare(`${agent.socket}.bare`, await sizeOf(agent.socket, path))
  const rounds = context.rounds ?? (context.quick ? 1 : 3)
  const ours: LoadResult[] = []
  const parsed: LoadResult[] = []
  const floor: LoadResult[] = []
  const { pid } = agent.program()
  let [cpuMs, parsedCpuMs] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const startMs = cpuMsOf(pid)
    ours.push(await load(context, { ...order, to: agent.socket }))
    const fastMs = cpuMsOf(pid)
    // The fast path leaves a request with a length, even 0, to Node's parser.
    parsed.push(await load(context, { ...order, to: agent.socket, header: 'Content-Length: 0' }))
    cpuMs += fastMs - startMs
    parsedCpuMs += cpuMsOf(pid) - fastMs
    floor.push(await load(context, { ...order, to: bare.socket }))
  }
  const spreadBy = (results: readonly LoadResult[], of: 'perSecond' | 'p99'): Quantiles =>
    quantiles(results.map((result) => result[of]))
  context.add({
    id,
    what: `${what}, ${connections} connections`,
    unit: '/s',
    ...medianOf(spreadBy(ours, 'perSecond')),
    floor: { what: 'node:http', value: spreadBy(floor, 'perSecond').median },
    target: { atLeast },
  })
  context.add({
    id,
    what: `${what}, p99`,
    unit: 'ms',
    value: spreadBy(ours, 'p99').median,
    floor: { what: 'node:http', value: spreadBy(floor, 'p99').median },
    target: { atMost: id === 'A1' ? 1 : 1.2 },
  })
  addGain(context, `fast-path: CPU for ${what}`, {
    with: cpuMs / sum(ours),
    without: parsedCpuMs / sum(parsed),
  })
}

function sum(results: readonly LoadResult[]): number {
  return results.reduce((total, { all }) => total + all, 0)
}

/** The floor of the reads is the same load on a server that stores nothing. */
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
    value: ours.read.p99,
    floor: { what: 'node:http that stores nothing', value: floor.read.p99 },
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
  return { ...given, method: 'GET', seconds: seconds ?? (quick ? 0.3 : 5), wants: 'HTTP/1.1 200' }
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
  return { socket, ...(await startServer('bare-local.ts', [socket, String(bytes)])) }
}

async function sizeOf(socket: string, path: string): Promise<number> {
  const { body } = await createUnixTransport(socket)({ method: 'GET', path, headers: {} })
  return Buffer.byteLength(body)
}
