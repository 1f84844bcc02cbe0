import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { generatePrivateKey } from '@plexd/agent'
import { exec } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { Bench, BenchContext } from '../bench.ts'
import { quantiles } from '../quantiles.ts'
import { addGain, addTimes, type Floor } from '../scenarios/figures.ts'
import {
  additionOf,
  askWireguardGo,
  type MeshDevice,
  makePeers,
  openMeshDevice,
  peerCountOf,
  timeOf,
} from './mesh-device.ts'

/** A6, A7 and A8: 1,000 peers into WireGuard, a restart without a change, one change, and what the cached interface saves. */
export const device: Bench = {
  name: 'device',
  targets: ['A6', 'A7', 'A8'],
  summary: '1,000 peers into WireGuard, a restart without a change, one peer changed',
  ownNetwork: true,
  async run(context) {
    const count = peerCountOf(context)
    const state = { privateKey: generatePrivateKey(), peers: makePeers(count) }
    await using mesh = await openMeshDevice(state)
    await fill(context, mesh)
    restart(context, state)
    await changes(context, mesh)
    await mesh.device.remove()
  },
}

async function fill(context: BenchContext, mesh: MeshDevice): Promise<void> {
  const { peers } = mesh
  const empty = async (): Promise<void> => {
    mesh.peers = []
    await mesh.apply()
    mesh.peers = peers
  }
  const fromNothing: number[] = []
  const fromEmpty: number[] = []
  const floor: number[] = []
  for (let round = 0; round < roundsOf(context, 10); round++) {
    await mesh.device.remove()
    fromNothing.push(await timeOf(mesh.apply))
    await empty()
    floor.push(await timeOf(() => askWireguardGo(additionOf(peers))))
    await empty()
    fromEmpty.push(await timeOf(mesh.apply))
  }
  const what = `${peers.length} peers and the interface, from nothing`
  addTimes(context, what, fromNothing, { id: 'A7', floor: alone(floor), target: { atMost: 250 } })
  addTimes(context, `${peers.length} peers, from none`, fromEmpty, { floor: alone(floor) })
}

function restart(context: BenchContext, state: { peers: readonly unknown[] }): void {
  const [input, program] = [JSON.stringify(state), join(import.meta.dirname, 'device-start.ts')]
  const timesOf = (what: string): number[] =>
    Array.from({ length: roundsOf(context, 20) }, () =>
      Number(execFileSync(process.execPath, [program, what], { input, encoding: 'utf8' })),
    )
  const options = { id: 'A7', floor: alone(timesOf('floor')), target: { atMost: 40 } }
  addTimes(context, `restart, ${state.peers.length} unchanged peers`, timesOf('start'), options)
}

async function changes(context: BenchContext, mesh: MeshDevice): Promise<void> {
  const count = mesh.peers.length
  let changed = 0
  const times = async (): Promise<number[]> => {
    const found: number[] = []
    for (let round = 0; round < roundsOf(context, 100); round++) {
      const endpoint = `198.51.100.${(++changed % 250) + 1}:51820`
      mesh.peers = mesh.peers.map((peer, at) =>
        at === changed % count ? { ...peer, endpoint } : peer,
      )
      found.push(await timeOf(mesh.apply))
    }
    return found
  }
  // Nobody would tell of changes by others, so each apply looks at all peers.
  const unwatched = quantiles(await times())
  let corrections = 0
  await using _watch = mesh.device.watch(async () => {
    const steps = await mesh.apply()
    corrections += steps.length
  })
  const [first] = mesh.peers
  const request = additionOf(first ? [first] : [])
  const floor: number[] = []
  for (let round = 0; round < roundsOf(context, 100); round++)
    floor.push(await timeOf(() => askWireguardGo(request)))
  const watched = await times()
  addTimes(context, `one peer of ${count} changed`, watched, {
    id: 'A8',
    floor: alone(floor),
    target: { atMost: 40 },
  })
  const { median } = quantiles(watched)
  addGain(context, 'interface-cache: one peer changed', { with: median, without: unwatched.median })

  // Where connections leave no access time, the watch looks after 200 times as long as its last look took.
  const restored: number[] = []
  for (let round = 0; round < roundsOf(context, 30); round++) {
    const before = corrections
    const key = mesh.peers[round % count]?.public_key ?? ''
    await exec(['wg', 'set', 'plexd0', 'peer', key, 'remove'])
    restored.push(
      await timeOf(() => until('the peer is restored', () => corrections > before, 30_000)),
    )
  }
  addTimes(context, 'a peer removed by another program, until it is restored', restored)
  if (!context.quick) await idle(context, count)

  // Connections leave no access time from now on, so uapi-watch cannot tell whether another program has connected.
  execFileSync('mount', ['-o', 'remount,bind,noatime', '/run'])
  const untold = quantiles(await times())
  addGain(context, 'uapi-watch: one peer changed', { with: median, without: untold.median })
}

async function idle(context: BenchContext, count: number): Promise<void> {
  // Peers with a new endpoint that do not answer are tried again for five seconds.
  await delay(15_000)
  const [before, startMs] = [process.cpuUsage(), performance.now()]
  await delay(30_000)
  const { user, system } = process.cpuUsage(before)
  context.add({
    id: 'A6',
    what: `watching ${count} peers, nothing happens`,
    unit: '% of a core',
    value: (user + system) / 10 / (performance.now() - startMs),
  })
}

function alone(times: readonly number[]): Floor {
  return { what: 'the requests alone', times }
}

function roundsOf({ quick, rounds }: BenchContext, usual: number): number {
  return rounds ?? (quick ? 1 : usual)
}
