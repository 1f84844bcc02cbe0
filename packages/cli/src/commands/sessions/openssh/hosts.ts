import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatNode, type NodeDetail } from '@plexd/protocol'
import { CliError, undefinedIfMissing, writeFileAtomic } from '@plexd/runtime'
import type { Admin } from '../../../command.ts'
import { allPages } from '../../../context.ts'
import { knownHost, type SshHost } from './config.ts'

/** The node, or all that run sessions. */
export async function findHosts(admin: Admin, node: string | undefined): Promise<SshHost[]> {
  if (node !== undefined) return [hostOf((await admin.getNode({ params: { node } })).body)]
  const nodes = await allPages((query) => admin.listNodes({ query }))
  const hosts: SshHost[] = []
  for (const { id } of nodes) {
    const { body } = await admin.getNode({ params: { node: id } })
    if (body.capabilities?.sessions) hosts.push(hostOf(body))
  }
  return hosts
}

function hostOf({ id, hostname, capabilities }: NodeDetail): SshHost {
  const hostKey = capabilities?.sessions?.host_key
  if (hostKey === undefined)
    throw new CliError(
      `read host key of ${formatNode(id, hostname)}: it announces none: sessions are switched off there, or its plexd is too old; "plexctl node show ${hostname}" tells`,
    )
  return { hostname, hostKey }
}

/** Keeps the host keys in a file for ssh, in place of those that it has of the same nodes; returns its path. */
export async function keepKnownHosts(folder: string, hosts: readonly SshHost[]): Promise<string> {
  const path = join(folder, 'known_hosts')
  const before = (await readFile(path, 'utf8').catch(undefinedIfMissing)) ?? ''
  const names = new Set(hosts.map(({ hostname }) => hostname))
  const others = before
    .split('\n')
    .filter((line) => line !== '' && !names.has(line.split(' ')[0] ?? ''))
  const text = [...others.map((line) => `${line}\n`), ...hosts.map(knownHost)].join('')
  if (text !== before) await writeFileAtomic(path, text)
  return path
}
