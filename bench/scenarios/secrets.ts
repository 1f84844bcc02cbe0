import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { SealedSecret } from '@plexd/protocol'
import { unseal } from '@plexd/runtime/testing'
import type { Bench, BenchContext } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { inParallel } from '../fleet/in-parallel.ts'
import { type Answers, answersOf } from '../fleet/worker/tally.ts'
import { requireAnswers } from './figures.ts'

const canary = 'canary-7f3b1e0d2c'

/** C16: reads of sealed secrets per second; a new master key for all of them; and no file contains their values. */
export const secrets: Bench = {
  name: 'secrets',
  targets: ['C16'],
  summary: 'sealed secrets per second; a new master key; no value in any file of the control plane',
  topology: 'groups',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 500)
    const seconds = context.seconds ?? (context.quick ? 0.3 : 10)
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    const { plane } = fleet
    for (let index = 0; index < 20; index++)
      await plane.admin.putSecret({
        params: { key: `bench/${index}` },
        body: { target: { selector: '*' }, value: `${canary} ${index}` },
      })
    const before = await plane.usage()
    const { answers, tookMs } = await context.profiled(plane.own, () =>
      readSecrets(context, fleet, { seconds, connections: 32 }),
    )
    const after = await plane.usage()
    const flood = { seconds: Math.min(seconds, 5), connections: 32 }
    const bare = await (await context.bare(plane, 1))?.flood(flood)
    context.add({
      id: 'C16',
      what: 'sealed secrets read',
      unit: '/s',
      value: (answers.of(200) * 1_000) / tookMs,
      floor: bare && { what: 'requests to bare node:https', value: bare.perSecond },
    })
    const cpuMs = ((after.cpuSeconds - before.cpuSeconds) * 1_000) / answers.count
    context.add({
      id: 'C16',
      what: 'sealed secrets that one core serves, by the CPU time of each',
      unit: '/s',
      value: 1_000 / cpuMs,
      floor: bare && { what: 'requests to bare node:https', value: 1_000 / bare.cpuMs },
      target: { atLeast: 10_000 },
    })
    context.add({ what: 'a read over 32 connections, p99', unit: 'ms', value: answers.p99 })
    context.add({
      what: 'CPU of the control plane for a read',
      unit: 'ms',
      value: cpuMs,
      floor: bare && { what: 'a request to bare node:https', value: bare.cpuMs },
    })
    await rotate(context, fleet)
    if (plane.own)
      context.add({
        id: 'C16',
        what: 'files of the control plane with a value in them',
        unit: '',
        value: await filesWith(canary, join(plane.own.dataDir, '..')),
        target: { atMost: 0 },
      })
  },
}

/** While the nodes read. */
async function rotate(context: BenchContext, fleet: Fleet): Promise<void> {
  const { admin } = fleet.plane
  const count = context.quick ? 100 : 10_000
  const numbers = Array.from({ length: count }, (_, index) => index)
  await inParallel(numbers, 64, (index) =>
    admin.putSecret({
      params: { key: `bench/many/${index}` },
      body: { target: { selector: 'env=nowhere' }, value: `${canary} ${index}` },
    }),
  )
  const reading = readSecrets(context, fleet, { seconds: context.quick ? 0.5 : 5, connections: 8 })
  const rotating = delay(200).then(async () => {
    const startMs = performance.now()
    const { body } = await admin.rotateMasterKey({})
    if (body.sealed_again < count) context.fault(`rotation: sealed only ${body.sealed_again}`)
    return performance.now() - startMs
  })
  const [ms, { answers }] = await Promise.all([rotating, reading])
  await requireSecret(context, fleet)
  context.add({
    id: 'C16',
    what: `${count} secrets under a new master key, beside reads`,
    unit: 's',
    value: ms / 1_000,
    target: { atMost: 5 },
  })
  context.add({ what: 'a read beside it over 8 connections, p99', unit: 'ms', value: answers.p99 })
}

/** As fast as the answers come, each node in turn. */
async function readSecrets(
  context: BenchContext,
  fleet: Fleet,
  options: { seconds: number; connections: number },
): Promise<{ answers: Answers; tookMs: number }> {
  const path = '/v1/nodes/{node_id}/secrets/bench%2F7'
  const floods = await fleet.each((worker) =>
    worker.flood({ kind: 'secret', method: 'GET', path, ...options }),
  )
  const answers = answersOf((await fleet.take()).tally, 'secret')
  requireAnswers(context, 'secrets', answers, 200)
  await requireSecret(context, fleet)
  return { answers, tookMs: Math.max(...floods.map(({ ms }) => ms)) }
}

async function requireSecret(
  context: BenchContext,
  { identities, requests }: Fleet,
): Promise<void> {
  const { node_id = '', node_token = '', node_secret_key = '' } = identities[0] ?? {}
  const { body } = await requests.send({
    method: 'GET',
    path: `/v1/nodes/${node_id}/secrets/bench%2F7`,
    token: node_token,
  })
  const sealed = JSON.parse(body.toString()) as SealedSecret // as the control plane sends it
  if (unseal(node_secret_key, sealed) !== `${canary} 7`)
    context.fault('a secret opens to another value')
}

/** Searches the database, its write-ahead log and the program's log. */
async function filesWith(text: string, folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  let found = 0
  for (const entry of entries) {
    if (!entry.isFile()) continue
    if ((await readFile(join(entry.parentPath, entry.name))).includes(text)) found++
  }
  return found
}
