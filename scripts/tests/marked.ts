import { readdirSync, readFileSync } from 'node:fs'

/** The variable with the marks of all processes with tests that a program descends from. Not one that configures plexd. */
export const markName = 'TEST_RUN_MARKS'

/** The living programs that carry a mark: `pid command`. */
export function markedPrograms(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => variablesOf(pid).some((text) => isMarked(text, mark)))
    .map((pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`)
}

function variablesOf(pid: string): string[] {
  return read(`/proc/${pid}/environ`).split('\0')
}

function isMarked(variable: string, mark: string): boolean {
  return variable.startsWith(`${markName}=`) && variable.includes(mark)
}

/** Empty for one that has ended, or is not ours to look at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
