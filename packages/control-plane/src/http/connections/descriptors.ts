import { readFileSync } from 'node:fs'

/** How many file descriptors this process may have open. */
export function maxDescriptors(path = '/proc/self/limits'): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(read(path)) ?? []
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

/** Unknown without /proc. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
