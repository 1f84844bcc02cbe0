import { readdirSync, readFileSync } from 'node:fs'

/** Looks at the command lines of all programs, many times a second; `found` has those in which the text was. */
export function watchArguments(text: string): { found: string[] } & Disposable {
  const found: string[] = []
  const timer = setInterval(() => {
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue
      const line = argumentsOf(pid)
      if (line.includes(text)) found.push(line)
    }
  }, 25)
  return { found, [Symbol.dispose]: () => clearInterval(timer) }
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has ended
  }
}
