/**
 * Targets A4 to A6: what a real plexd with a mesh of 1,000 peers keeps in memory and does when nothing happens, and how soon
 * it answers after a start without its control plane. Needs root; works in a network namespace of its own.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generatePrivateKey, publicKeyOf } from '@plexd/agent'
import { controlApi, createClient, localApi } from '@plexd/protocol'
import { createHttpTransport, createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type AgentProcess, startAgentProcess } from '../scripts/programs/agent.ts'
import type { Figure } from './bench.ts'
import { inParallel } from './fleet/in-parallel.ts'
import { openPlane, type Plane } from './fleet/plane.ts'
import { runInOwnNetwork } from './own-network.ts'
import { quantiles } from './quantiles.ts'
import { formatFigure, headings } from './report.ts'

const { values: flags } = parseArgs({
  options: {
    inside: { type: 'boolean' },
    json: { type: 'boolean' },
    peers: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '7' },
  },
})

const figures: Figure[] = []

if (flags.inside) await bench(Number(flags.peers))
else runInOwnNetwork(import.meta.filename)

async function bench(peers: number): Promise<void> {
  if (!flags.json) console.log(headings)
  // None of the peers speaks, and none is to be told of as silent while the daemon is measured.
  await using plane = await openPlane({ args: ['--heartbeat-interval', '1h'] })
  if (!plane.own) throw new Error('it needs a control plane of our own')
  await register(plane, peers)
  const folder = join(plane.own.dataDir, '..')
  await using agent = await startAgentProcess(folder, {
    hostname: 'measured',
    token: await createToken(plane),
    controlPlane: plane,
    mesh: true,
    args: ['--log-level', 'warn'],
  })
  await untilPeers(agent, peers)
  await idle(agent, peers)
  await plane.own.process.end('SIGKILL')
  await starts(agent)
  if (flags.json) process.stdout.write(`${JSON.stringify({ figures })}\n`)
}

async function createToken({ admin }: Plane): Promise<string> {
  return (await admin.createToken({ body: {} })).body.token
}

async function register(plane: Plane, count: number): Promise<void> {
  const transport = createHttpTransport({
    baseUrl: plane.url,
    caFile: plane.caFile,
    userAgent: 'plexd-bench',
    timeoutMs: 60_000,
  })
  const client = createClient(controlApi, transport)
  const numbers = Array.from({ length: count }, (_, index) => index)
  await inParallel(numbers, 16, async (index) => {
    const token = await createToken(plane)
    const public_key = publicKeyOf(generatePrivateKey())
    await client.register({ body: { token, hostname: `peer-${index}`, public_key } })
  })
}

async function untilPeers({ socket }: AgentProcess, count: number): Promise<void> {
  const local = createClient(localApi, createUnixTransport(socket))
  const areThere = async (): Promise<boolean> => {
    const { body } = await local.listPeers({})
    return body.filter(({ state }) => state !== 'missing').length >= count
  }
  await until(`it has ${count} peers`, areThere, 120_000, 200)
}

/** After it has settled: what a start leaves behind is collected within a minute. */
async function idle(agent: AgentProcess, peers: number): Promise<void> {
  const { pid } = agent.program()
  await delay(60_000)
  const before = cpuMsOf(pid)
  const startedMs = performance.now()
  await delay(Number(flags.seconds) * 1_000)
  const share = ((cpuMsOf(pid) - before) / (performance.now() - startedMs)) * 100
  add({
    id: 'A4',
    what: `memory with ${peers} peers`,
    unit: 'MB',
    value: memoryMbOf(pid, 'VmRSS'),
    floor: { what: 'node -e', value: bareMemoryMb() },
    target: { atMost: 75 },
  })
  add({
    what: 'of that its own; the rest are pages of the node binary',
    unit: 'MB',
    value: memoryMbOf(pid, 'RssAnon'),
  })
  add({
    id: 'A6',
    what: `CPU with ${peers} peers while nothing happens`,
    unit: '% of a core',
    value: share,
    target: { atMost: 0.3 },
  })
}

/** With the tunnels, the rules and the state of before, as after a restart of the machine's daemon. */
async function starts(agent: AgentProcess): Promise<void> {
  const times: number[] = []
  const bare: number[] = []
  for (let round = 0; round < Number(flags.rounds); round++) {
    await agent.end('SIGKILL')
    rmSync(agent.socket, { force: true })
    const startedMs = performance.now()
    const serving = agent.start()
    await until('the first local answer', () => isAnswered(agent.socket), 60_000, 2)
    times.push(performance.now() - startedMs)
    await serving
    const bareMs = performance.now()
    execFileSync(process.execPath, ['-e', '0'])
    bare.push(performance.now() - bareMs)
  }
  const floor = quantiles(bare).median
  add({
    id: 'A5',
    what: 'start to first local answer, no control plane',
    unit: 'ms',
    value: quantiles(times).median,
    low: Math.min(...times),
    high: Math.max(...times),
    rounds: times.length,
    floor: { what: 'node -e 0', value: floor },
    target: { atMost: floor + 150 },
  })
}

function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(path, () => socket.write('GET /v1/state HTTP/1.1\r\nHost: plexd\r\n\r\n'))
  socket.on('data', () => resolve(true)).on('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}

function memoryMbOf(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1_024) / 1e6
}

function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function bareMemoryMb(): number {
  const print = 'process.stdout.write(String(process.memoryUsage.rss()))'
  return Number(execFileSync(process.execPath, ['-e', print])) / 1e6
}

function add(figure: Figure): void {
  figures.push(figure)
  if (!flags.json) console.log(formatFigure(figure))
}
