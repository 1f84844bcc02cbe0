/** How programs are contained on this machine, decided from what it has. Pure. */

export type LimitName = 'memory' | 'pids' | 'cpu'

/** What was found, by trying. A path is a folder in which groups of ours can be made. */
export interface ContainFacts {
  unified?: {
    path: string
    /** Whether groups have `cgroup.kill`, since Linux 5.14. */
    hasKill: boolean
    controllers: ReadonlySet<string>
  }
  /** Of version 1, by controller. */
  byController: ReadonlyMap<string, string>
  /** Whether unshare(1) may make a PID namespace. */
  pidNamespaces: boolean
}

/** What holds the processes of a program together, so that all of them can be ended. */
export type Fence =
  | { kind: 'cgroup'; path: string; kill: 'cgroup.kill' | 'cgroup.freeze' | 'pids.max' }
  | { kind: 'pid-namespace' }
  | { kind: 'session' }

export type LimitMethod =
  | { kind: 'cgroup'; path: string; version: 1 | 2 }
  | { kind: 'prlimit' }
  | { kind: 'none' }

export interface ContainMethod {
  fence: Fence
  limits: Readonly<Record<LimitName, LimitMethod>>
}

export function chooseMethod(facts: ContainFacts): ContainMethod {
  return {
    fence: chooseFence(facts),
    limits: {
      memory: chooseLimit('memory', facts),
      pids: chooseLimit('pids', facts),
      cpu: chooseLimit('cpu', facts),
    },
  }
}

function chooseFence({ unified, byController, pidNamespaces }: ContainFacts): Fence {
  const pids = byController.get('pids')
  if (unified?.hasKill) return { kind: 'cgroup', path: unified.path, kill: 'cgroup.kill' }
  if (pids !== undefined) return { kind: 'cgroup', path: pids, kill: 'pids.max' }
  if (unified) return { kind: 'cgroup', path: unified.path, kill: 'cgroup.freeze' }
  return { kind: pidNamespaces ? 'pid-namespace' : 'session' }
}

function chooseLimit(name: LimitName, { unified, byController }: ContainFacts): LimitMethod {
  if (unified?.controllers.has(name)) return { kind: 'cgroup', path: unified.path, version: 2 }
  const path = byController.get(name)
  if (path !== undefined) return { kind: 'cgroup', path, version: 1 }
  // There is no limit of the CPU's share for a process, only of its time.
  return { kind: name === 'cpu' ? 'none' : 'prlimit' }
}

/** For `plexd doctor`: what is in use, and what that means. */
export function describeMethod({ fence, limits }: ContainMethod): {
  isWhole: boolean
  text: string
} {
  const parts = [fenceWords(fence), ...limitWords(limits)]
  const isWhole = fence.kind !== 'session' && Object.values(limits).every(isOfGroup)
  return { isWhole, text: parts.join('; ') }
}

function fenceWords(fence: Fence): string {
  if (fence.kind === 'cgroup')
    return `all processes of a program are ended by ${killWords[fence.kill]}, whatever they do`
  if (fence.kind === 'pid-namespace')
    return 'there are no control groups, so each program has a PID namespace, with which all of its processes end'
  return 'there are neither control groups nor PID namespaces for us: a process that leaves the session of its program runs on'
}

const killWords = {
  'cgroup.kill': 'their control group (cgroup.kill)',
  'cgroup.freeze': 'signals while their control group is frozen',
  'pids.max': 'signals while their control group (version 1) takes no new ones',
}

export const limitTitles = { memory: 'memory', pids: 'processes', cpu: 'CPU' }

function limitWords(limits: ContainMethod['limits']): string[] {
  const names = Object.keys(limits) as LimitName[] // the keys of a record
  const by = Map.groupBy(names, (name) => methodWords(limits[name]))
  return [...by].map(
    ([words, limited]) => `${limited.map((name) => limitTitles[name]).join(', ')} ${words}`,
  )
}

function methodWords(method: LimitMethod): string {
  if (method.kind === 'cgroup') return `limited by control groups, version ${method.version}`
  if (method.kind === 'prlimit') return 'limited for each process, not for all together (prlimit)'
  return 'not limited'
}

function isOfGroup({ kind }: LimitMethod): boolean {
  return kind === 'cgroup'
}
