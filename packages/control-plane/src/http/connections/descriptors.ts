import { readFileSync } from 'node:fs'

/** How many files and connections this process may have open. */
export function maxDescriptors(path = '/proc/self/limits'): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(read(path)) ?? []
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

/** Without /proc nothing is known of it. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
