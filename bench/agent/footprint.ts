import { execFileSync } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { generatePrivateKey, publicKeyOf } from '@plexd/agent'
import { controlApi, createClient, localApi } from '@plexd/protocol'
import { createHttpTransport, createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { inParallel } from '../fleet/in-parallel.ts'
import type { Plane } from '../fleet/plane.ts'
import { bareCpuShare, bareMemoryMb } from '../floor/bare-agent.ts'
import { cpuMsOf, memoryOf } from '../process-usage.ts'
import { quantiles } from '../quantiles.ts'
import { addTimes } from '../scenarios/figures.ts'
import { peerCountOf, timeOf } from './mesh-device.ts'

/** A4 to A6: a real plexd with a mesh of 1,000 peers: memory, idle CPU, and its start without a control plane. */
export const footprint: Bench = {
  name: 'footprint',
  targets: ['A4', 'A5', 'A6'],
  summary: 'memory, idle CPU and start of a real plexd with 1,000 peers',
  ownNetwork: true,
  async run(context) {
    const peers = peerCountOf(context)
    // The peers are never heard of, and must not be reported as unreachable while the daemon is measured.
    const plane = await context.plane({ args: ['--heartbeat-interval', '1h'] })
    if (!plane.own) throw new Error('it needs a control plane of our own')
    await register(plane, peers)
    await using agent = await startAgentProcess(join(plane.own.dataDir, '..'), {
      hostname: 'measured',
      token: await createToken(plane),
      controlPlane: plane,
      mesh: true,
      args: ['--log-level', 'warn'],
      env: context.profilingEnv,
    })
    const local = createClient(localApi, createUnixTransport(agent.socket))
    const hasAll = async (): Promise<boolean> =>
      (await local.listPeers({})).body.filter(({ state }) => state !== 'missing').length >= peers
    await until(`${peers} peers on the interface`, hasAll, 120_000, 200)
    await idle(context, agent, { peers, plane })
    await plane.own.end('SIGKILL')
    await starts(context, agent)
  },
}

async function createToken({ admin }: Plane): Promise<string> {
  return (await admin.createToken({ body: {} })).body.token
}

async function register(plane: Plane, count: number): Promise<void> {
  using transport = createHttpTransport({
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

/** Once it has settled: garbage of the start is collected within a minute. */
async function idle(
  context: BenchContext,
  agent: AgentProcess,
  { peers, plane }: { peers: number; plane: Plane },
): Promise<void> {
  const { pid } = agent.program()
  // Whole minutes: reconciliations and rounds of STUN come once in each, so that half of one has all of them or none.
  const seconds = context.seconds ?? (context.quick ? 0.5 : 120)
  await delay(context.quick ? 0 : 60_000)
  const before = cpuMsOf(pid)
  const tookMs = await context.profiled(agent, () => timeOf(() => delay(seconds * 1_000)))
  const share = ((cpuMsOf(pid) - before) / tookMs) * 100
  const floorMb = bareMemoryMb(plane)
  context.add({
    id: 'A4',
    what: `memory with ${peers} peers`,
    unit: 'MB',
    value: memoryOf(pid, 'VmRSS') / 1e6,
    floor: { what: 'node with the same in use, optimised once', value: floorMb },
    target: { atMost: 75 },
  })
  context.add({
    what: 'of that its own; the rest are pages of the node binary',
    unit: 'MB',
    value: memoryOf(pid, 'RssAnon') / 1e6,
  })
  context.add({
    id: 'A6',
    what: `CPU with ${peers} peers while nothing happens`,
    unit: '% of a core',
    value: share,
    floor: { what: 'node that does the least of the same', value: await bareCpuShare(seconds) },
    target: { atMost: 0.3 },
  })
}

/** With interface, rules and state as they were, like a restart of the daemon. */
async function starts(context: BenchContext, agent: AgentProcess): Promise<void> {
  const rounds = context.rounds ?? (context.quick ? 1 : 7)
  const times: number[] = []
  const bare: number[] = []
  for (let round = 0; round < rounds; round++) {
    await agent.end('SIGKILL')
    const startedMs = performance.now()
    const serving = agent.start()
    await until('the first local answer', () => isAnswered(agent.socket), 60_000, 2)
    times.push(performance.now() - startedMs)
    await serving
    bare.push(await timeOf(async () => execFileSync(process.execPath, ['-e', '0'])))
  }
  addTimes(context, 'start to first local answer, no control plane', times, {
    id: 'A5',
    floor: { what: 'node -e 0', times: bare },
    target: { atMost: quantiles(bare).median + 150 },
  })
}

function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(path, () => socket.write('GET /v1/state HTTP/1.1\r\nHost: plexd\r\n\r\n'))
  socket.on('data', () => resolve(true)).on('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
