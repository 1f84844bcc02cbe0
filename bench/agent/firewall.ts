import {
  compileRuleset,
  createNftables,
  createOwnProcesses,
  loadChangeSocket,
  type Ruleset,
  startTableWatch,
} from '@plexd/agent'
import { exec, silentLog } from '@plexd/runtime'
import type { Bench, BenchContext } from '../bench.ts'
import { cpuMsOf } from '../process-usage.ts'
import { addTimes, type Floor } from '../scenarios/figures.ts'

/** A8 and A12: a policy of 1,000 rules into the kernel, and the time for which another program's change stays. */
export const firewall: Bench = {
  name: 'firewall',
  targets: ['A8', 'A12'],
  summary: '1,000 rules into the firewall, and back after another program removed them',
  ownNetwork: true,
  async run(context) {
    const tables = await openTables()
    const listed = await repeat(context, (done) => exec(['nft', 'list', 'tables']).then(done))
    const floor = { what: 'nft list tables', times: listed }
    for (const count of context.quick ? [10] : [10, 1_000, 5_000])
      await benchApply(context, tables, { count, floor })
    const damages = [
      'flush ruleset',
      'delete table inet plexd',
      'insert rule inet plexd input accept',
    ]
    for (const damage of damages) await benchRestore(context, tables, damage)
  },
}

interface Tables {
  readonly firewall: ReturnType<typeof createNftables>
  readonly openSocket: Awaited<ReturnType<typeof loadChangeSocket>>
  isOurs(processId: number): boolean
  /**
   * Until the kernel announces the switch: from then on the new rules apply to packets. The nft that did it returns
   * later, because it waits until no packet can see the old rules any more.
   */
  inForce(): Promise<void>
}

async function openTables(): Promise<Tables> {
  const ownProcesses = createOwnProcesses()
  /** The processes of the current measurement: the first builds, the second switches. */
  let wrote: number[] = []
  const firewall = createNftables({
    log: silentLog,
    onWrite(processId) {
      ownProcesses.add(processId)
      wrote.push(processId)
    },
  })
  const openSocket = await loadChangeSocket()
  return {
    firewall,
    openSocket,
    isOurs: ownProcesses.has,
    async inForce() {
      const socket = openSocket()
      wrote = []
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      socket.follow((news) => {
        if (news === 'overrun') reject(new Error('announcements were lost'))
        else if (news.changes.some(({ portId }) => portId === wrote[1])) resolve()
      })
      await promise
      socket.close()
    },
  }
}

async function benchApply(
  context: BenchContext,
  { firewall, inForce }: Tables,
  { count, floor }: { count: number; floor: Floor },
): Promise<void> {
  let round = 0
  const cpu: number[] = []
  const times = await repeat(context, async (done) => {
    const startedCpuMs = cpuMsOf(process.pid, { ofChildren: true })
    const switched = inForce().then(done)
    const observed = (await firewall.asLeft()) ?? (await firewall.observe())
    await firewall.apply(compile(count, ++round), observed)
    cpu.push(cpuMsOf(process.pid, { ofChildren: true }) - startedCpuMs)
    await switched
  })
  await firewall.asLeft()
  const unchanged = await repeat(context, async (done) => {
    const { digest } = await firewall.observe()
    done()
    if (digest !== compile(count, round).digest) throw new Error('the table is not as it was left')
  })
  await firewall.remove()
  const target = count === 1_000 ? { target: { atMost: 120 } } : {}
  addTimes(context, `${count} rules, in force`, times, { id: 'A8', floor, ...target })
  addTimes(context, `${count} rules, CPU time of nft for it`, cpu.slice(1))
  addTimes(context, `${count} rules, found unchanged`, unchanged, { floor })
}

async function benchRestore(
  context: BenchContext,
  { firewall, openSocket, isOurs, inForce }: Tables,
  damage: string,
): Promise<void> {
  const ruleset = compile(1_000, 0)
  await firewall.apply(ruleset, await firewall.observe())
  await firewall.asLeft()
  let heard = (): void => {}
  using _ = startTableWatch({
    socket: openSocket(),
    isOurs,
    onChange: () => heard(),
  })
  const times = await repeat(context, async (done) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    heard = resolve
    await exec(['nft', ...damage.split(' ')])
    await promise
    const switched = inForce().then(done)
    await firewall.apply(ruleset, await firewall.observe())
    await switched
    await firewall.asLeft()
  })
  await firewall.remove()
  addTimes(context, `"nft ${damage}", until our 1,000 rules are in force again`, times, {
    id: 'A12',
    target: { atMost: 300 },
  })
}

/** Rules of the usual kind, each about another peer. */
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

/** Milliseconds from the start of each run to its call of `done`, without the first run, which warms up. */
async function repeat(
  { quick, rounds = quick ? 1 : 30 }: BenchContext,
  run: (done: () => void) => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds + 1; round++) {
    const startedMs = performance.now()
    await run(() => times.push(performance.now() - startedMs))
  }
  return times.slice(1)
}
