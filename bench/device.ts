/**
 * Targets A6, A7 and A8: how long 1,000 peers take into WireGuard, how long a daemon that starts again takes to see that
 * nothing changed, how long a change of one peer takes, and how long one that somebody else removes is missing. Needs
 * root; works in a network namespace of its own, with a /run of its own. `--json` prints the figures for programs,
 * `--peers N` takes another number of peers.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  createApplier,
  createLinuxDevice,
  createProblems,
  emptyDesiredState,
  generatePrivateKey,
  publicKeyOf,
} from '@plexd/agent'
import type { Peer } from '@plexd/protocol'
import { exec, silentLog } from '@plexd/runtime'
import { runInOwnNetwork } from './own-network.ts'
import { quantiles } from './quantiles.ts'

const { values: flags } = parseArgs({
  options: {
    inside: { type: 'boolean' },
    /** A fresh process that does one thing and prints how many milliseconds it took. */
    measure: { type: 'string' },
    json: { type: 'boolean' },
    peers: { type: 'string', default: '1000' },
  },
})

interface Figure {
  what: string
  unit: 'ms' | '% of a core'
  median: number
  p99: number
  max: number
  rounds: number
}

const socketPath = '/var/run/wireguard/plexd0.sock'
let privateKey = generatePrivateKey()
let peers: Peer[] = []

if (flags.measure !== undefined) await measureInFreshProcess(flags.measure)
else if (flags.inside) await bench(Number(flags.peers))
else runInOwnNetwork(import.meta.filename)

async function bench(count: number): Promise<void> {
  peers = makePeers(count)
  const figures: Figure[] = []
  const add = (what: string, times: readonly number[], unit: Figure['unit'] = 'ms'): void => {
    figures.push({ what, unit, ...quantiles(times), rounds: times.length })
    if (!flags.json) print(figures.at(-1))
  }
  await using device = await openDevice()
  const applier = applierFor(device)

  const fromNothing: number[] = []
  const fromEmpty: number[] = []
  const floor: number[] = []
  for (let round = 0; round < 10; round++) {
    await device.remove()
    fromNothing.push(await timeOf(() => applier.apply()))
    await withPeers([], () => applier.apply())
    floor.push(await timeOf(() => ask(addAll(peers))))
    await withPeers([], () => applier.apply())
    fromEmpty.push(await timeOf(() => applier.apply()))
  }
  add(`${count} peers and the interface, from nothing`, fromNothing)
  add(`${count} peers, from none`, fromEmpty)
  add('  floor: one request that adds them', floor)

  const state = JSON.stringify({ privateKey, peers })
  add(`restart, ${count} peers as they were`, await inFreshProcesses('restart', state))
  add('  floor: ip and one request, unread', await inFreshProcesses('floor', state))

  let putRight = (): void => {}
  await using _watch = device.watch(async () => {
    if ((await applier.apply()).length > 0) putRight()
  })
  const onePeer = await repeat(200, async (round) => {
    const endpoint = `198.51.100.${(round % 250) + 1}:51820`
    peers = peers.map((peer, index) => (index === round % count ? { ...peer, endpoint } : peer))
    await applier.apply()
  })
  add(`one peer of ${count} changed`, onePeer)
  const [first] = peers
  if (first)
    add('  floor: one request that changes it', await repeat(200, () => ask(addAll([first]))))

  const restored = await repeat(30, async (round) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    putRight = resolve
    const key = peers[round % count]?.public_key ?? ''
    await exec(['wg', 'set', 'plexd0', 'peer', key, 'remove'])
    await promise
  })
  add('a peer removed by somebody else, until it is back', restored)

  // Peers that were given an endpoint and do not answer are tried again for five seconds.
  await delay(15_000)
  add(`watching ${count} peers, nothing happens`, [await cpuShareOf(30_000)], '% of a core')
  await device.remove()
  if (flags.json)
    process.stdout.write(`${JSON.stringify({ date: new Date(), figures }, null, 2)}\n`)
}

function openDevice() {
  return createLinuxDevice({
    interfaceName: 'plexd0',
    listenPort: 51_820,
    network: () => ({
      meshIp: '10.100.255.254',
      meshRanges: ['10.100.0.0/16'],
      routed: ['10.100.0.0/16'],
    }),
    keepaliveSeconds: () => 0,
    log: silentLog,
  }).then(async (device) => {
    await device.setPrivateKey(privateKey)
    return device
  })
}

function applierFor(device: Awaited<ReturnType<typeof openDevice>>) {
  const desired = { current: () => ({ ...emptyDesiredState, peers }), isMeshLost: () => false }
  return createApplier({ device, desired, problems: createProblems(), log: silentLog })
}

async function withPeers(others: Peer[], work: () => Promise<unknown>): Promise<void> {
  const own = peers
  peers = others
  await work()
  peers = own
}

/** A daemon starts with cold code, so each round has a process of its own. */
async function inFreshProcesses(what: string, state: string): Promise<number[]> {
  const args = [import.meta.filename, '--measure', what]
  return Array.from({ length: 20 }, () =>
    Number(execFileSync(process.execPath, args, { input: state, encoding: 'utf8' })),
  )
}

async function measureInFreshProcess(what: string): Promise<void> {
  const state: { privateKey: string; peers: Peer[] } = JSON.parse(await text(process.stdin))
  privateKey = state.privateKey
  peers = state.peers
  const ms = what === 'restart' ? await timeOf(restart) : await timeOf(look)
  process.stdout.write(`${ms}\n`)
}

async function restart(): Promise<void> {
  await using device = await openDevice()
  const steps = await applierFor(device).apply()
  if (steps.length > 0) throw new Error(`a restart changed something: ${JSON.stringify(steps[0])}`)
}

async function look(): Promise<void> {
  const input = 'address show dev plexd0\nroute show dev plexd0\n'
  await Promise.all([exec(['ip', '-json', '-batch', '-'], { input }), ask('get=1\n\n')])
}

/** One request, by hand. */
function ask(request: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ path: socketPath, allowHalfOpen: true })
  socket.on('error', reject).on('end', resolve).resume().end(request)
  return promise
}

function addAll(some: readonly Peer[]): string {
  const hex = (key: string): string => Buffer.from(key, 'base64').toString('hex')
  const lines = some.map(
    ({ public_key, psk, endpoint, allowed_ips: [cidr] }) =>
      `public_key=${hex(public_key)}\npreshared_key=${hex(psk)}\nendpoint=${endpoint}\nallowed_ip=${cidr}\n`,
  )
  return `set=1\n${lines.join('')}\n`
}

function makePeers(count: number): Peer[] {
  return Array.from({ length: count }, (_, index) => {
    const mesh_ip = `10.100.${index >> 8}.${index & 255}`
    return {
      id: `n_${index}`,
      public_key: publicKeyOf(generatePrivateKey()),
      mesh_ip,
      endpoint: `203.0.113.${(index % 250) + 1}:51820`,
      allowed_ips: [`${mesh_ip}/32`],
      psk: randomBytes(32).toString('base64'),
    }
  })
}

async function cpuShareOf(forMs: number): Promise<number> {
  const before = process.cpuUsage()
  await delay(forMs)
  const { user, system } = process.cpuUsage(before)
  return (100 * (user + system)) / 1_000 / forMs
}

async function repeat(rounds: number, run: (round: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) times.push(await timeOf(() => run(round)))
  return times
}

async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await run()
  return performance.now() - startedMs
}

function print(figure: Figure | undefined): void {
  if (!figure) return
  const { what, unit, median, p99, max } = figure
  const columns = [median, p99, max].map((number) => number.toFixed(1).padStart(8))
  const line = `median ${columns[0]}  p99 ${columns[1]}  max ${columns[2]}  ${unit}`
  console.log(`${what.padEnd(50)} ${line}`)
}
