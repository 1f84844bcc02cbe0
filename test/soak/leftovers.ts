import { existsSync, readFileSync } from 'node:fs'
import { exec } from '@plexd/runtime'
import type { MeshMember } from '../../scripts/programs/mesh-system.ts'

/** What a host has, as its tools print it. */
export interface Seen {
  links: string
  rules: string
  routes: string
  tables: string
  /** As in /proc/net/unix. */
  sockets: string
  /** Names of what runs there. */
  programs: readonly string[]
  /** Files that a daemon has while it runs, and which are still there. */
  files: readonly string[]
}

const signs = {
  links: /plexd/,
  rules: /8293|0x706c/,
  routes: /8293|plexd|10\.100\./,
  tables: /plexd/,
  sockets: /plexd|wireguard|api\.sock/,
} as const

/** What of plexd is left on a host where it was taken down: a line each. Pure. */
export function leftovers(seen: Seen): string[] {
  const lines = Object.entries(signs).flatMap(([what, sign]) =>
    seen[what as keyof typeof signs] // a key of signs
      .split('\n')
      .filter((line) => sign.test(line))
      .map((line) => `${what}: ${line.trim()}`),
  )
  return [
    ...lines,
    ...seen.programs.map((name) => `programs: ${name}`),
    ...seen.files.map((path) => `files: ${path}`),
  ]
}

export async function lookFor({ host, agent }: MeshMember): Promise<Seen> {
  const [links, rules, routes, tables, sockets] = await Promise.all([
    host.exec(['ip', '-oneline', 'link']),
    host.exec(['ip', 'rule']),
    host.exec(['ip', 'route', 'show', 'table', 'all']),
    host.exec(['nft', 'list', 'tables']),
    host.exec(['cat', '/proc/net/unix']),
  ])
  const files = [agent.socket, `${host.runDir}/wireguard/plexd0.sock`].filter(existsSync)
  return { links, rules, routes, tables, sockets, programs: await programsOf(host.name), files }
}

async function programsOf(namespace: string): Promise<string[]> {
  const pids = (await exec(['ip', 'netns', 'pids', namespace])).split('\n').filter(Boolean)
  return pids.map(nameOf).filter(Boolean)
}

/** Empty for one that has ended meanwhile. */
function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}
