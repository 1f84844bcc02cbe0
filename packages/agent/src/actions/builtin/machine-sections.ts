import { readdirSync, readFileSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { exec } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import { readVisible } from '../../process/process-identity.ts'
import { listProcesses } from '../../process/process-list.ts'
import type { Section } from '../sections.ts'

/** What the machine itself says, whether plexd works or not. */
export function machineSections({
  dataDir,
}: Pick<AgentConfig, 'dataDir'>): Record<string, Section> {
  return {
    process: () => ({
      node: process.version,
      exec_path: process.execPath,
      uid: process.getuid?.(),
      memory: process.memoryUsage(),
      descriptors: readdirSync('/proc/self/fd').length,
      cgroup: linesOf(readFileSync('/proc/self/cgroup', 'utf8')),
    }),
    os: () => readFile('/etc/os-release', 'utf8').then(linesOf),
    memory: () => readFile('/proc/meminfo', 'utf8').then((text) => linesOf(text).slice(0, 5)),
    pressure: () => readFile('/proc/pressure/memory', 'utf8').then(linesOf),
    disk: async () => {
      const { bavail, blocks, bsize, ffree } = await statfs(dataDir)
      return {
        data_dir: dataDir,
        free_bytes: bavail * bsize,
        total_bytes: blocks * bsize,
        files_free: ffree,
      }
    },
  }
}

export const networkSections: Readonly<Record<string, Section>> = {
  interfaces: () => networkInterfaces(),
  resolver: () => readFile('/etc/resolv.conf', 'utf8').then(linesOf),
  routes: (signal) => lines(['ip', 'route', 'show', 'table', 'all'], signal),
  rules: (signal) => lines(['ip', 'rule'], signal),
  links: (signal) => lines(['ip', '-s', 'link'], signal),
  packet_filter: (signal) => lines(['nft', 'list', 'table', 'inet', 'plexd'], signal),
}

async function lines(
  command: readonly ['ip' | 'nft', ...string[]],
  signal: AbortSignal,
): Promise<string[]> {
  return linesOf(await exec(command, { signal, timeoutMs: 5_000, maxBytes: 8 * 1024 * 1024 }))
}

function linesOf(text: string): string[] {
  return text.trimEnd().split('\n')
}

const shownProcesses = 100

/** Without arguments, which may have secrets in them. */
export const processSections: Readonly<Record<string, Section>> = {
  async processes() {
    const all = (await listProcesses()).flatMap(describeProcess)
    const largest = all.sort((a, b) => b.rss_kib - a.rss_kib).slice(0, shownProcesses)
    return { count: all.length, largest }
  },
}

function describeProcess(pid: number) {
  const field = readFields(pid)
  const name = field('Name')
  if (name === undefined) return [] // it has ended, or is hidden from us
  const uid = Number(field('Uid')?.split('\t')[0])
  return [
    { pid, name, state: field('State'), uid, rss_kib: Number.parseInt(field('VmRSS') ?? '0', 10) },
  ]
}

function readFields(pid: number): (name: string) => string | undefined {
  const fields = new Map(
    readVisible(pid, 'status')
      .split('\n')
      .map((line) => line.split(':\t') as [string, string | undefined]), // at least one part
  )
  return (name) => fields.get(name)?.trim()
}
