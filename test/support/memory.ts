import { readFile } from 'node:fs/promises'

/** What a process has in memory at this moment, in bytes. */
export async function rssBytesOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) * 1024
}
