import { createDecipheriv } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { nskBytes, type SealedSecret } from '@plexd/protocol'
import type { Bench, BenchContext } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { inParallel } from '../fleet/in-parallel.ts'
import type { Plane } from '../fleet/plane.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { startBareFleet } from '../floor/bare-fleet.ts'

const canary = 'canary-7f3b1e0d2c'

/**
 * C16: secrets that are sealed for each reader, as fast as they are asked for; all of them under a new master key; and
 * that no file holds their values.
 */
export const secrets: Bench = {
  name: 'secrets',
  targets: ['C16'],
  summary: 'sealed secrets per second; a new master key; no value in any file of the control plane',
  async run(context) {
    const size = context.agents ?? (context.quick ? 20 : 500)
    const seconds = context.seconds ?? (context.quick ? 1 : 10)
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    const { plane } = fleet
    for (let index = 0; index < 20; index++)
      await plane.admin.putSecret({
        params: { key: `bench/${index}` },
        body: { target: { selector: '*' }, value: `${canary} ${index}` },
      })
    const before = await plane.usage()
    const floods = await context.profiled(plane, () =>
      fleet.each((worker) =>
        worker.flood({
          kind: 'secret',
          method: 'GET',
          path: '/v1/nodes/{node_id}/secrets/bench%2F7',
          seconds,
          connections: 32,
        }),
      ),
    )
    const after = await plane.usage()
    const answers = answersOf((await fleet.take()).tally, 'secret')
    const wrong = answers.others(200)
    if (wrong !== '') context.fault(`secrets: ${wrong}`)
    if ((await readSecret(fleet)) !== `${canary} 7`)
      context.fault('a secret opens to something else')
    const ms = Math.max(...floods.map((flood) => flood.ms))
    const bare = plane.own ? await bareRequests(plane, seconds) : undefined
    context.add({
      id: 'C16',
      what: 'sealed secrets read',
      unit: '/s',
      value: (answers.of(200) * 1_000) / ms,
      ...(bare === undefined
        ? {}
        : { floor: { what: 'requests to bare node:https', value: bare } }),
      target: { atLeast: 10_000 },
    })
    context.add({ what: 'a read over 32 connections, p99', unit: 'ms', value: answers.p99 })
    context.add({
      what: 'CPU of the control plane for a read',
      unit: 'ms',
      value: ((after.cpuSeconds - before.cpuSeconds) * 1_000) / answers.count,
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

/** With everybody reading meanwhile. */
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
  const flood = fleet.each((worker) =>
    worker.flood({
      kind: 'secret beside',
      method: 'GET',
      path: '/v1/nodes/{node_id}/secrets/bench%2F7',
      seconds: context.quick ? 1 : 5,
      connections: 8,
    }),
  )
  const rotating = delay(200).then(async () => {
    const startMs = performance.now()
    const { body } = await admin.rotateMasterKey({})
    if (body.sealed_again < count) context.fault(`rotation: sealed only ${body.sealed_again}`)
    return performance.now() - startMs
  })
  const [ms] = await Promise.all([rotating, flood])
  const answers = answersOf((await fleet.take()).tally, 'secret beside')
  const wrong = answers.others(200)
  if (wrong !== '') context.fault(`secrets beside a rotation: ${wrong}`)
  if ((await readSecret(fleet)) !== `${canary} 7`)
    context.fault('a secret opens to something else after a rotation')
  context.add({
    id: 'C16',
    what: `${count} secrets under a new master key, beside reads`,
    unit: 's',
    value: ms / 1_000,
    target: { atMost: 5 },
  })
  context.add({ what: 'a read beside it over 8 connections, p99', unit: 'ms', value: answers.p99 })
}

async function bareRequests(plane: Plane, seconds: number): Promise<number> {
  await using bare = await startBareFleet(plane, { agents: 1, workers: 1 })
  return (await bare.flood({ seconds: Math.min(seconds, 5), connections: 32 })).perSecond
}

async function readSecret({ identities, requests }: Fleet): Promise<string> {
  const { node_id = '', node_token = '', node_secret_key = '' } = identities[0] ?? {}
  const { body } = await requests.send({
    method: 'GET',
    path: `/v1/nodes/${node_id}/secrets/bench%2F7`,
    token: node_token,
  })
  const { ciphertext, nonce } = JSON.parse(body.toString()) as SealedSecret // as the control plane sends it
  const sealed = Buffer.from(ciphertext, 'base64')
  const key = nskBytes(node_secret_key)
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64'))
  decipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]).toString()
}

/** Database, write-ahead log, program log: all that is there while it runs. */
async function filesWith(text: string, folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  let found = 0
  for (const entry of entries) {
    if (!entry.isFile()) continue
    if ((await readFile(join(entry.parentPath, entry.name))).includes(text)) found++
  }
  return found
}
