/** Limits of processes (getrlimit(2)) that podman(1) is told. */
import { readFile } from 'node:fs/promises'

/**
 * Each as `nofile=1024:4096`: those of `prlimits`, which are options of prlimit(1), and ours, because the defaults of podman
 * are higher than what a plexd without CAP_SYS_RESOURCE may set. Pure.
 *
 * @param limits the text of /proc/self/limits
 * @param maxPid that of /proc/sys/kernel/pid_max: podman has no more processes itself
 */
export function ulimitsFor(prlimits: readonly string[], limits: string, maxPid: string): string[] {
  const asked = prlimits.map((option) => option.replace(/^--(\w+)=(\d+)$/, '$1=$2:$2'))
  const ours = [
    ...ulimit('nofile', /^Max open files +(\S+) +(\S+)/m.exec(limits)),
    ...ulimit('nproc', /^Max processes +(\S+) +(\S+)/m.exec(limits), Number(maxPid)),
  ]
  const isAsked = (text: string): boolean =>
    asked.some((other) => other.split('=')[0] === text.split('=')[0])
  return [...asked, ...ours.filter((text) => !isAsked(text))]
}

/** For this process. */
export async function findUlimits(prlimits: readonly string[]): Promise<string[]> {
  const [limits = '', maxPid = ''] = await Promise.all(
    ['/proc/self/limits', '/proc/sys/kernel/pid_max'].map((path) => readFile(path, 'utf8')),
  )
  return ulimitsFor(prlimits, limits, maxPid)
}

function ulimit(name: string, found: RegExpExecArray | null, most = Infinity): string[] {
  if (!found) return []
  const [, ...words] = found
  const [soft, hard] = words.map((word) =>
    Math.min(word === 'unlimited' ? Infinity : Number(word), most),
  )
  return hard === Infinity ? [] : [`${name}=${soft}:${hard}`]
}
