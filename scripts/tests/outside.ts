import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** What tests have to leave alone on the machine, as texts that may be compared. */
export type Outside = Readonly<Record<string, readonly string[]>>

/** As it is now. What cannot be looked at without root, or is not installed, is empty before and after. */
export function lookOutside(): Outside {
  return {
    groups: linesOf('/etc/group'),
    users: linesOf('/etc/passwd'),
    'files in /run/plexd': existsSync('/run/plexd') ? ['.', ...readdirSync('/run/plexd')] : [],
    // Where namespaces are kept is mounted once by whoever makes the first; these themselves are below.
    mounts: linesOf('/proc/self/mounts')
      .map((line) => line.split(' ').slice(0, 2).join(' on '))
      .filter((mount) => !mount.includes(' on /run/netns')),
    interfaces: printedBy('ip', '-o', 'link').map((line) => line.split(':')[1]?.trim() ?? ''),
    routes: printedBy('ip', 'route', 'show', 'table', 'all').map((line) =>
      line.replace(/ expires \S+/, ''),
    ),
    rules: printedBy('ip', 'rule'),
    nftables: printedBy('nft', '-s', 'list', 'ruleset'),
    'network namespaces': printedBy('ip', 'netns', 'list')
      .map((line) => line.split(' ')[0] ?? '')
      .filter((name) => !isOfLiving(name)),
  }
}

/** `groups: + line` for what came, `-` for what went. */
export function differences(before: Outside, after: Outside): string[] {
  return Object.keys(before).flatMap((what) => {
    const [was, is] = [before[what] ?? [], after[what] ?? []]
    return [
      ...is.filter((line) => !was.includes(line)).map((line) => `${what}: + ${line}`),
      ...was.filter((line) => !is.includes(line)).map((line) => `${what}: - ${line}`),
    ]
  })
}

/** A namespace of a test has the process in its name that made it: another run may go on beside this one. */
function isOfLiving(name: string): boolean {
  const [, pid] = /^plexd[a-z-]*-(\d+)-/.exec(name) ?? []
  return pid !== undefined && existsSync(`/proc/${pid}`)
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean)
}

function printedBy(program: string, ...args: string[]): string[] {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .filter(Boolean)
  } catch {
    return []
  }
}
