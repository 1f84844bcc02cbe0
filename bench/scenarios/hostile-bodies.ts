import { setTimeout as delay } from 'node:timers/promises'
import { controlApi, createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import type { RunningProgram } from '../../scripts/programs/program.ts'
import { createTarget, type Target } from '../../test/hostile/good-requests.ts'
import { type Aim, aims, headFor, hostileBodies } from '../../test/hostile/hostile-bodies.ts'
import type { Place } from '../../test/hostile/raw-connection.ts'
import { rssBytesOf } from '../../test/support/memory.ts'
import { type System, startSystem } from '../../test/support/system.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { quantiles } from '../quantiles.ts'
import { type Stranger, startStranger } from '../strangers/stranger.ts'

/** C19: how long others wait beside each kind of hostile body, and how much memory it leaves behind. */
export const hostileBodiesBench: Bench = {
  name: 'hostile-bodies',
  targets: ['C19'],
  summary: 'a healthy caller beside bodies that are deep, wide, long, packed, slow, endless',
  async run(context) {
    await using system = await startSystem({ args: withoutBudget })
    const target = await createTarget(system)
    const agent = await system.startAgent('healthy')
    using stranger = startStranger()
    for (const subject of [await controlPlaneOf(system), agentOf(agent)])
      await measureBeside(context, subject, target, stranger)
  },
}

/** One node sends everything, and its budget would stop it soon. */
const withoutBudget = [
  'node_bytes_per_second',
  'node_state_bytes_per_second',
  'node_writes_per_second',
].flatMap((name) => ['--limit', `${name}=1000000000`])

/** A program under attack, and the requests of a healthy caller. */
interface Subject {
  what: string
  place: Place
  program: RunningProgram
  aims: readonly Aim[]
  asks: readonly (() => Promise<unknown>)[]
}

async function controlPlaneOf(system: System): Promise<Subject> {
  const node = await system.enrol('beside')
  return {
    what: 'control plane',
    place: { url: system.controlPlane.url, caFile: system.controlPlane.caFile },
    program: system.controlPlane.program(),
    aims: aims.filter(({ api }) => api !== 'local'),
    asks: [
      () => node.call(controlApi.heartbeat, { body: {} }),
      () => node.call(controlApi.getState),
    ],
  }
}

function agentOf({ socket, program }: AgentProcess): Subject {
  const local = createClient(localApi, createUnixTransport(socket))
  return {
    what: 'agent',
    place: { socket },
    program: program(),
    aims: aims.filter(({ api }) => api === 'local'),
    asks: [
      () => local.getLocalState({}),
      () =>
        local.putReport({
          params: { key: 'healthy' },
          body: { content_type: 'text/plain', payload: 'well' },
        }),
    ],
  }
}

async function measureBeside(
  context: BenchContext,
  subject: Subject,
  target: Target,
  stranger: Stranger,
): Promise<void> {
  const { what, place, program, asks } = subject
  const seconds = context.seconds ?? (context.quick ? 0.1 : 10)
  const heads = Object.fromEntries(
    subject.aims.map((aim) => [`${aim.api} ${aim.name}`, headFor(aim, target)]),
  )
  const alone = quantiles(await ask(asks, seconds))
  const rss = { before: await rssBytesOf(program.pid), peak: 0 }
  using watch = watchRss(program, (bytes) => {
    rss.peak = Math.max(rss.peak, bytes)
  })
  for (const kind of kindsOf(subject)) {
    const sending = stranger.send({ place, what: kind, seconds, heads })
    const waits = quantiles(await ask(asks, seconds))
    const { answered, wrong } = await sending
    for (const one of wrong) context.fault(`${what}, ${kind}: ${one}`)
    context.note(`${what}, ${kind}: ${answered} answered`)
    context.add({
      id: 'C19',
      what: `${what}: a wait beside "${kind}", p99`,
      unit: 'ms',
      value: waits.p99,
      low: waits.median,
      high: waits.max,
      floor: { what: 'without it', value: alone.p99 },
      target: { atMost: 100 },
    })
  }
  await delay(context.quick ? 0 : 60_000)
  watch[Symbol.dispose]()
  const after = await rssBytesOf(program.pid)
  const megabytes = { unit: 'MB', floor: { what: 'before', value: rss.before / 1e6 } }
  context.add({ ...megabytes, what: `${what}: memory at its peak`, value: rss.peak / 1e6 })
  context.add({ ...megabytes, what: `${what}: memory, a minute later`, value: after / 1e6 })
  const lines = (await program.log()).split('\n')
  context.add({
    what: `${what}: the longest line of its log`,
    unit: 'chars',
    value: Math.max(...lines.map((line) => line.length)),
    target: { atMost: 64 * 1024 },
  })
}

function kindsOf({ aims }: Subject): string[] {
  const [first] = aims
  return first ? hostileBodies(first.operation).map(({ what }) => what) : []
}

/** One request after another, with a rest between them. Resolves to how long each took, in milliseconds. */
async function ask(asks: Subject['asks'], seconds: number): Promise<number[]> {
  const endMs = performance.now() + seconds * 1_000
  const waits: number[] = []
  while (performance.now() < endMs)
    for (const one of asks) {
      const startMs = performance.now()
      await one()
      waits.push(performance.now() - startMs)
      await delay(restMs)
    }
  return waits
}

const restMs = 5

function watchRss(program: RunningProgram, onBytes: (bytes: number) => void): Disposable {
  const timer = setInterval(() => void rssBytesOf(program.pid).then(onBytes), 50)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
