import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, BenchContext } from '../bench.ts'
import { addressOf } from '../fleet/http/connection.ts'
import { createRequests } from '../fleet/http/requests.ts'
import type { Plane } from '../fleet/plane.ts'
import { startServer } from '../floor/server.ts'
import { type MemoryPart, memoryOf, memoryParts } from '../process-usage.ts'
import { addTimes } from './figures.ts'

/** C2: a control plane without nodes: how soon it answers after a start, how much memory it takes, and for what. */
export const emptyPlane: Bench = {
  name: 'empty-plane',
  targets: ['C2'],
  summary: 'a control plane without nodes: from its start to its first answer, memory by kind',
  async run(context) {
    const createdMs = performance.now()
    const plane = await context.plane()
    context.add({
      what: 'first start, which creates its keys and database',
      unit: 'ms',
      value: performance.now() - createdMs,
    })
    if (!plane.own) {
      context.note('left out: only a control plane of our own can be restarted')
      return
    }
    await starts(context, plane, plane.own)
    // V8 collects garbage of the start when as much has been made again, which takes an idle process one to two minutes.
    await delay(context.quick ? 0 : 180_000)
    await memory(context, plane.own)
  },
}

type OwnPlane = NonNullable<Plane['own']>

async function starts(context: BenchContext, { url, ca }: Plane, own: OwnPlane): Promise<void> {
  const rounds = context.rounds ?? (context.quick ? 1 : 9)
  const times: number[] = []
  const bare: number[] = []
  for (let round = 0; round < rounds; round++) {
    await own.end()
    times.push(await timeToAnswer(ca, async () => own.start().then(() => url)))
    await using stack = new AsyncDisposableStack()
    const start = async (): Promise<string> =>
      stack.use(await startServer('bare-server.ts', [own.dataDir])).line
    bare.push(await timeToAnswer(ca, start))
  }
  const floor = { what: 'bare node:https', times: bare }
  addTimes(context, 'start to first answer', times, { id: 'C2', floor, target: { atMost: 300 } })
}

/** `start` resolves to the URL, or to the line that contains it, when the server listens. */
async function timeToAnswer(ca: string, start: () => Promise<string>): Promise<number> {
  const startedMs = performance.now()
  const [url = ''] = /https:\S+/.exec(await start()) ?? []
  using requests = createRequests(addressOf(url, ca), 1)
  const { status } = await requests.send({ method: 'GET', path: '/v1/ping' })
  if (status !== 200) throw new Error(`first answer of "${url}": ${status}`)
  return performance.now() - startedMs
}

async function memory(context: BenchContext, own: OwnPlane): Promise<void> {
  await using bare = await startServer('bare-server.ts', [own.dataDir])
  const { pid } = own.program()
  const [parts, least] = [memoryParts(pid), memoryParts(bare.pid)]
  context.add({
    id: 'C2',
    what: 'empty control plane: memory, all in',
    unit: 'MB',
    value: memoryOf(pid, 'VmRSS') / 1e6,
    floor: { what: 'bare node:https', value: memoryOf(bare.pid, 'VmRSS') / 1e6 },
    target: { atMost: 90 },
  })
  for (const [part, what] of Object.entries(partNames) as [MemoryPart, string][]) // its keys
    context.add({
      what: `of that: ${what}`,
      unit: 'MB',
      value: parts[part] / 1e6,
      floor: { what: 'bare node:https', value: least[part] / 1e6 },
    })
}

const partNames: Record<MemoryPart, string> = {
  binary: 'pages of the node binary',
  libraries: 'shared libraries',
  malloc: 'malloc',
  anonymous: "V8's heaps, buffers, stacks of threads",
  files: 'mapped files',
}
