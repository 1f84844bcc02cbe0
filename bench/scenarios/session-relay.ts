import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { adminApi, controlApi, createClient, type Session } from '@plexd/protocol'
import { createHttpTransport, openWebSocket } from '@plexd/runtime'
import type { Bench, BenchContext } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Plane } from '../fleet/plane.ts'
import { startServer } from '../floor/server.ts'
import { cpuMsOf } from '../process-usage.ts'

const mebibyte = 1024 ** 2

/** What a relayed session carries: bytes through the control plane, both sides over TLS, beside a bare pipe of two TCP connections. */
export const sessionRelay: Bench = {
  name: 'session-relay',
  targets: [],
  summary:
    'bytes through a relayed session, and the memory of many that are idle or that nobody reads',
  async run(context) {
    const fleet = await context.fleet({ agents: 1, topology: 'groups', args: manySessions })
    const { plane } = fleet
    const bytes = context.quick ? 8 * mebibyte : 1024 * mebibyte
    const open = await sessionsOf(fleet)
    // First, because what the copying leaves behind would be counted too.
    await addMemory(context, fleet, open)
    const { client, node } = await open()
    await using bare = await startServer('bare-pipe.ts', [])
    const ends = [dialBare(bare.line), dialBare(bare.line)] as const
    for (const [from, to, what] of [
      [node, client, 'from the node to the client'],
      [client, node, 'from the client to the node'],
    ] as const) {
      const pid = plane.own?.program().pid
      const before = pid === undefined ? Number.NaN : cpuMsOf(pid)
      const rate = await context.profiled(plane.own, () => rateOf(from, to, bytes))
      const cpuMs = (pid === undefined ? Number.NaN : cpuMsOf(pid)) - before
      const floor = await rateOf(...ends, bytes)
      context.add({
        what: `${bytes / mebibyte} MiB ${what}`,
        unit: 'MiB/s',
        value: rate,
        floor: { what: 'two TCP connections, piped', value: floor },
      })
      if (pid !== undefined)
        context.add({
          what: `CPU of the control plane for a GiB ${what}`,
          unit: 's',
          value: (cpuMs / 1_000) * ((1024 * mebibyte) / bytes),
        })
    }
    client.end()
    for (const end of ends) end.destroy()
  },
}

/** Of relays on which nothing passes, and then of the same when nobody reads what their nodes send without end. */
async function addMemory(context: BenchContext, { plane }: Fleet, open: Open): Promise<void> {
  const count = context.quick ? 5 : 200
  const before = (await plane.usage()).rssBytes
  const pairs: Pair[] = []
  for (let n = 0; n < count; n++) pairs.push(await open())
  const idle = await leastMemory(plane, context.quick ? 1 : 8)
  await Promise.all(pairs.map(({ node }) => fill(node)))
  const full = await leastMemory(plane, context.quick ? 1 : 8)
  const each = (bytes: number): number => Math.max(0, bytes) / count / 1024
  context.add({
    what: `memory for each of ${count} relays on which nothing passes`,
    unit: 'KiB',
    value: each(idle - before),
  })
  context.add({
    what: `memory for each of ${count} relays whose clients read nothing`,
    unit: 'KiB',
    value: each(full - idle),
    // With few, garbage that nobody collects yet is most of it.
    target: context.quick ? undefined : { atMost: 1024 },
  })
  for (const { client, node } of pairs) {
    client.destroy()
    node.destroy()
  }
}

/** In bytes, the least over some seconds: garbage that is not yet collected does not count. */
async function leastMemory(plane: Plane, seconds: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let second = 0; second < seconds; second++) {
    least = Math.min(least, (await plane.usage()).rssBytes)
    await delay(1_000)
  }
  return least
}

const manySessions = ['node_sessions', 'operator_sessions'].flatMap((name) => [
  '--limit',
  `${name}=1000`,
])

interface Pair {
  client: Duplex
  node: Duplex
}
type Open = () => Promise<Pair>

/** Opens relayed sessions on the one node of the fleet. */
async function sessionsOf({ plane, identities }: Fleet): Promise<Open> {
  const { node_id = '', node_token = '' } = identities[0] ?? {}
  const dial = { baseUrl: plane.url, caFile: plane.caFile, userAgent: 'plexd-bench' }
  const key = `ssh-ed25519 ${'A'.repeat(68)}`
  using transport = createHttpTransport(dial)
  const api = createClient(controlApi, transport, () => node_token)
  const capabilities = { sessions: { host_key: key, max_sessions: 1_000 } }
  await api.putCapabilities({ params: { node_id }, body: capabilities })

  async function session(): Promise<Session> {
    const body = { node: node_id, login: 'bench', public_key: key, way: 'relay' as const }
    return (await plane.admin.openSession({ body })).body.session
  }

  return async () => {
    const { id } = await session()
    const client = await openWebSocket(adminApi.connectSession, {
      ...dial,
      params: { session: id },
      token: plane.adminToken,
    })
    const node = await openWebSocket(controlApi.relaySession, {
      ...dial,
      params: { node_id, session_id: id },
      token: node_token,
    })
    for (const end of [client, node]) end.on('error', () => {})
    return { client, node }
  }
}

function dialBare(line: string): Duplex {
  return connect(Number(line), '127.0.0.1')
}

/** In MiB/s, from the first byte that is written to the last one that is read. */
async function rateOf(from: Duplex, to: Duplex, bytes: number): Promise<number> {
  const piece = Buffer.alloc(64 * 1024, 'x')
  const { promise, resolve } = Promise.withResolvers<void>()
  let received = 0
  const take = (part: Buffer): void => {
    received += part.length
    if (received >= bytes) resolve()
  }
  to.on('data', take)
  const startMs = performance.now()
  for (let sent = 0; sent < bytes; sent += piece.length)
    if (!from.write(piece)) await once(from, 'drain')
  await promise
  to.off('data', take)
  return bytes / mebibyte / ((performance.now() - startMs) / 1_000)
}

/** Writes until nothing is taken for half a second. */
async function fill(stream: Duplex): Promise<void> {
  const piece = Buffer.alloc(64 * 1024, 'x')
  for (;;) {
    while (stream.write(piece));
    try {
      await once(stream, 'drain', { signal: AbortSignal.timeout(500) })
    } catch {
      return
    }
  }
}
