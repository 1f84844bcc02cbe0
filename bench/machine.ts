import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'

/** What figures depend on besides the code. */
export interface Machine {
  cores: number
  cpu: string
  memoryGiB: number
  kernel: string
  node: string
  /** Load average of the minute before the bench. */
  load: number
  commit: string
}

export function readMachine(): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? '',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    commit: commitNow(),
  }
}

export function describeMachine(machine: Machine): string {
  const { cores, cpu, memoryGiB, kernel, node, load, commit } = machine
  return `${cores} cores (${cpu}), ${memoryGiB} GiB, Linux ${kernel}, node ${node}, load ${load}, commit ${commit}`
}

/** With `+` if there are uncommitted changes; empty outside a repository. */
function commitNow(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', import.meta.dirname, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+')
  } catch {
    return ''
  }
}
