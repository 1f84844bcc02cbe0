import { readFileSync } from 'node:fs'

/** CPU time of a process so far, in milliseconds, in steps of 10; `ofChildren` of its children that have ended. */
export function cpuMsOf(pid: number, { ofChildren = false } = {}): number {
  // Fields 14 to 17 of proc_pid_stat(5); the second one, a name in parentheses, may contain spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const [user, system] = ofChildren ? [fields[13], fields[14]] : [fields[11], fields[12]]
  return (Number(user) + Number(system)) * 10
}

/** A line of proc_pid_status(5) in bytes: `VmRSS`, its peak `VmHWM`, or `RssAnon`. */
export function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM' | 'RssAnon'): number {
  const [, kib] =
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ??
    []
  return Number(kib) * 1_024
}

/** Resident bytes by kind of mapping, from proc_pid_smaps(5). */
export function memoryParts(pid: number): Record<MemoryPart, number> {
  const parts = { binary: 0, libraries: 0, malloc: 0, anonymous: 0, files: 0 }
  let part: MemoryPart = 'files'
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const [, name] = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/.exec(line) ?? []
    if (name !== undefined) part = partOf(name)
    parts[part] += Number(/^Rss: +(\d+) kB/.exec(line)?.[1] ?? 0) * 1_024
  }
  return parts
}

/** `anonymous` are V8's heaps, buffers, and the stacks of threads. */
export type MemoryPart = 'binary' | 'libraries' | 'malloc' | 'anonymous' | 'files'

function partOf(name: string): MemoryPart {
  if (name.endsWith('/node')) return 'binary'
  if (name.includes('.so')) return 'libraries'
  if (name === '[heap]') return 'malloc'
  return name === '' || name.startsWith('[') ? 'anonymous' : 'files'
}
