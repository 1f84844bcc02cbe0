import { networkInterfaces } from 'node:os'
import { exec, type Part } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { meshTable } from '../routing/tables/mesh-table.ts'

/** What plexd has in the network of this machine as it is, and of what others have only the names. */
export function networkParts({ meshInterface }: Pick<AgentConfig, 'meshInterface'>): Part[] {
  return [
    {
      file: 'network/interface.txt',
      about: 'the mesh interface: addresses and counters',
      read: (signal) =>
        exec(['ip', '-details', '-statistics', 'address', 'show', 'dev', meshInterface], {
          signal,
        }),
    },
    {
      file: 'network/wireguard.txt',
      about: 'WireGuard without its keys: endpoints, handshakes, bytes',
      // It hides private keys and PSKs itself.
      read: (signal) => exec(['wg', 'show', meshInterface], { signal }),
    },
    {
      file: 'network/routes.txt',
      about: `the routing table of the mesh, ${meshTable}`,
      read: (signal) => exec(['ip', 'route', 'show', 'table', meshTable], { signal }),
    },
    {
      file: 'network/rules.txt',
      about: 'the rule that leads to it, and how many others there are',
      read: async (signal) => {
        const lines = (await exec(['ip', 'rule'], { signal })).split('\n').filter(Boolean)
        const own = lines.filter((line) => line.includes(`lookup ${meshTable}`))
        return [...own, `and ${lines.length - own.length} of others`].join('\n')
      },
    },
    {
      file: 'network/packet-filter.txt',
      about: "plexd's own nft table, with what each rule counted",
      read: (signal) => exec(['nft', 'list', 'table', 'inet', 'plexd'], { signal }),
    },
    {
      file: 'network/others.json',
      about: 'the names of other interfaces and nft tables',
      async read(signal) {
        const tables = await exec(['nft', 'list', 'tables'], { signal })
        return {
          interfaces: Object.keys(networkInterfaces()),
          tables: tables.split('\n').filter(Boolean),
        }
      },
    },
  ]
}
