/**
 * Targets A8 and A12: how long a policy of 1,000 rules takes into the kernel, and how long a table that somebody else
 * changed stays so. Needs root; works in a network namespace of its own.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import {
  compileRuleset,
  createNftables,
  createOwnProcesses,
  loadChangeSocket,
  type Ruleset,
  startTableWatch,
} from '@plexd/agent'
import { exec, silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { quantiles } from './quantiles.ts'

if (!process.argv.includes('--inside')) {
  const command = ['-n', process.execPath, import.meta.filename, '--inside']
  process.exit(spawnSync('unshare', command, { stdio: 'inherit' }).status ?? 1)
}

const rounds = 30
const ownProcesses = createOwnProcesses()
/** Who wrote since the current measurement began: the first builds, the second switches. */
let wrote: number[] = []
const firewall = createNftables({
  log: silentLog,
  onWrite(processId) {
    ownProcesses.add(processId)
    wrote.push(processId)
  },
})
const openSocket = await loadChangeSocket()

console.log('policies to kernel; ms\n')
for (const count of [10, 1_000, 5_000]) await benchApply(count)
console.log(
  '\na table of 1,000 rules that somebody else changed, until ours are in force again; ms\n',
)
for (const damage of [
  'flush ruleset',
  'delete table inet plexd',
  'insert rule inet plexd input accept',
])
  await benchRestore(damage)

async function benchApply(count: number): Promise<void> {
  const floor = await repeat((done) => exec(['nft', 'list', 'tables']).then(done))
  let round = 0
  const inForce: number[] = []
  const returned: number[] = []
  const cpu: number[] = []
  const replace = async (): Promise<void> => {
    const observed = (await firewall.asLeft()) ?? (await firewall.observe())
    const startedMs = performance.now()
    const startedCpuMs = programsCpuMs()
    const switched = untilInForce().then((atMs) => inForce.push(atMs - startedMs))
    const applied = firewall.apply(compile(count, ++round), observed)
    await applied
    returned.push(performance.now() - startedMs)
    cpu.push(programsCpuMs() - startedCpuMs)
    await switched
  }
  for (let repetition = 0; repetition < rounds; repetition++) await replace()
  await firewall.asLeft()
  const unchanged = await repeat(async (done) => {
    const { digest } = await firewall.observe()
    done()
    if (digest !== compile(count, round).digest) throw new Error('the table is not as it was left')
  })
  await firewall.remove()
  print(`${count} rules, in force`, inForce.slice(1))
  print(`${count} rules, nft has returned`, returned.slice(1))
  print(`${count} rules, CPU time of nft for it`, cpu.slice(1))
  print(`${count} rules, seen to be unchanged`, unchanged)
  print('floor: nft list tables', floor)
}

async function benchRestore(damage: string): Promise<void> {
  const ruleset = compile(1_000, 0)
  await firewall.apply(ruleset, await firewall.observe())
  await firewall.asLeft()
  let heard = (): void => {}
  using _ = startTableWatch({
    socket: openSocket(),
    isOurs: ownProcesses.has,
    onChange: () => heard(),
    clock: systemClock,
  })
  const times = await repeat(async (done) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    heard = resolve
    await exec(['nft', ...damage.split(' ')])
    await promise
    const switched = untilInForce().then(done)
    await firewall.apply(ruleset, await firewall.observe())
    await switched
    await firewall.asLeft()
  })
  await firewall.remove()
  print(damage, times)
}

/**
 * Until the kernel announces the switch: from then on the new rules decide about packets. The nft that did it returns
 * later, as it waits until no packet can see the old rules any more.
 */
async function untilInForce(): Promise<number> {
  const socket = openSocket()
  wrote = []
  const isAnnounced = (): boolean => {
    const news = socket.read()
    if (news === 'overrun') throw new Error('announcements were lost')
    return news.changes.some(({ portId }) => portId === wrote[1])
  }
  await until('the switch is announced', isAnnounced, 20_000, 1)
  socket.close()
  return performance.now()
}

/** Rules of the usual kind: each about another peer. */
function compile(count: number, variant: number): Ruleset {
  const rules = Array.from({ length: count }, (_, at) => ({
    src: `10.100.${at >> 8}.${at & 255}/32`,
    dst: '10.100.255.1/32',
    port: 1 + ((at + variant) % 65_000),
    protocol: 'tcp' as const,
    action: 'allow' as const,
  }))
  const { ruleset } = compileRuleset([{ id: 'pol_bench', rules }], {
    interface: 'plexd0',
    wireguardPort: 51_820,
    mtu: 1_420,
    defaultAction: 'deny',
    logDenied: true,
    meshIpOf: () => undefined,
  })
  return ruleset
}

/** Of all programs that have ended; a busy machine does not change it. In steps of 10 ms. */
function programsCpuMs(): number {
  // Behind the name, which may hold spaces: fields 16 and 17 are those of waited-for children (proc(5)).
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/** Times from the start of each run to its call of `done`; the first, which warms up, is left out. */
async function repeat(run: (done: () => void) => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now()
    await run(() => times.push(performance.now() - startedMs))
  }
  return times.slice(1)
}

function print(what: string, times: readonly number[]): void {
  const { median, p99, max } = quantiles(times)
  const columns = [median, p99, max].map((ms) => ms.toFixed(1).padStart(8))
  console.log(`${what.padEnd(36)} median ${columns[0]}  p99 ${columns[1]}  max ${columns[2]}`)
}
