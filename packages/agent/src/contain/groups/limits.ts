import type { ContainMethod, LimitName } from './method.ts'

export interface ContainLimits {
  /** Of all processes of the program together where control groups can, otherwise of each. */
  memoryBytes?: number | undefined
  /** How many at a time. */
  pids?: number | undefined
  /** 100 is one core. */
  cpuPercent?: number | undefined
}

/** What is written to a file in a control group. */
export interface GroupSetting {
  file: string
  value: string
  /** The file is not there on every kernel. */
  isOptional?: boolean
}

const periodUs = 100_000

/** The settings of each limit in version 1 and 2 (cgroups(7)), for its amount. */
const settings: Record<LimitName, Record<1 | 2, (amount: number) => GroupSetting[]>> = {
  memory: {
    2: (bytes) => [
      { file: 'memory.max', value: `${bytes}` },
      { file: 'memory.swap.max', value: '0', isOptional: true },
      // One process without the others would be half a program.
      { file: 'memory.oom.group', value: '1', isOptional: true },
    ],
    1: (bytes) => [
      { file: 'memory.limit_in_bytes', value: `${bytes}` },
      { file: 'memory.memsw.limit_in_bytes', value: `${bytes}`, isOptional: true },
    ],
  },
  pids: {
    2: (count) => [{ file: 'pids.max', value: `${count}` }],
    1: (count) => [{ file: 'pids.max', value: `${count}` }],
  },
  cpu: {
    2: (percent) => [{ file: 'cpu.max', value: `${quotaUs(percent)} ${periodUs}` }],
    1: (percent) => [
      { file: 'cpu.cfs_period_us', value: `${periodUs}` },
      { file: 'cpu.cfs_quota_us', value: `${quotaUs(percent)}` },
    ],
  },
}

/** The kernel takes no less than 1 ms. */
function quotaUs(percent: number): number {
  return Math.max(1_000, Math.round((percent / 100) * periodUs))
}

/** What to write where, by the folder in which groups are made. Pure. */
export function groupSettings(
  limits: ContainLimits,
  methods: ContainMethod['limits'],
): Map<string, GroupSetting[]> {
  const byPath = new Map<string, GroupSetting[]>()
  for (const [name, amount] of amountsOf(limits)) {
    const method = methods[name]
    if (method.kind !== 'cgroup') continue
    const before = byPath.get(method.path) ?? []
    byPath.set(method.path, [...before, ...settings[name][method.version](amount)])
  }
  return byPath
}

/** The options of prlimit(1) for those that no control group can keep. Pure. */
export function prlimitOptions(limits: ContainLimits, methods: ContainMethod['limits']): string[] {
  return amountsOf(limits)
    .filter(([name]) => methods[name].kind === 'prlimit')
    .flatMap(([name, amount]) => prlimits[name].map((resource) => `--${resource}=${amount}`))
}

/** Those that nothing keeps here. What root runs is not counted by its `nproc` (getrlimit(2)). Pure. */
export function unkeptLimits(
  limits: ContainLimits,
  methods: ContainMethod['limits'],
  uid: number | undefined,
): LimitName[] {
  const isKept = (name: LimitName): boolean => {
    const { kind } = methods[name]
    return kind === 'cgroup' || (kind === 'prlimit' && !(name === 'pids' && uid === 0))
  }
  return amountsOf(limits).flatMap(([name]) => (isKept(name) ? [] : [name]))
}

/** Private memory, rather than addresses, of which some programs reserve many. */
const prlimits: Record<LimitName, string[]> = { memory: ['data'], pids: ['nproc'], cpu: [] }

function amountsOf(limits: ContainLimits): [LimitName, number][] {
  const { memoryBytes: memory, pids, cpuPercent: cpu } = limits
  const amounts = Object.entries({ memory, pids, cpu }) as [LimitName, number | undefined][] // keys of the literal
  return amounts.filter((pair): pair is [LimitName, number] => pair[1] !== undefined)
}
