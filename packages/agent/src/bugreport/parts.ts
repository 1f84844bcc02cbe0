import { describeTools, listTree, machinePart, type Part, silentLog } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { ConfigSources } from '../config/load-config.ts'
import { examineNode } from '../doctor/examine-node.ts'
import { openVersionStore } from '../upgrade/version-store.ts'
import { version } from '../version.ts'
import { describeConfig } from './config-part.ts'
import { createAskDaemon, daemonParts, logPart } from './daemon-parts.ts'
import { networkParts } from './network-parts.ts'

export interface ReportSubject {
  config: AgentConfig
  given: Omit<ConfigSources, 'log'>
  /** Of the log; milliseconds since 1970. */
  sinceMs: number
}

/** The files of a bug report, in their order. None has a key, a token, or what entries say. */
export function reportParts({ config, given, sinceMs }: ReportSubject): Part[] {
  const ask = createAskDaemon(config)
  return [
    {
      file: 'versions.json',
      about: 'plexd, and the programs that it runs',
      read: async () => ({
        plexd: version,
        node: process.version,
        ...(await describeTools([
          ['nft', '--version'],
          ['wg', '--version'],
          ['ip', '-V'],
          ['wireguard-go', '--version'],
          ['journalctl', '--version'],
        ])),
      }),
    },
    machinePart(config.dataDir),
    {
      file: 'config.json',
      about: 'each setting, where it is from, and its value unless that may be a secret',
      read: () => describeConfig(config, given),
    },
    {
      file: 'doctor.json',
      about: 'what "plexd doctor" finds',
      timeoutMs: 30_000,
      read: () => examineNode(config),
    },
    ...daemonParts(ask),
    ...networkParts(config),
    {
      file: 'upgrade.json',
      about: 'which version is to run, and how the last upgrade ended',
      read: () => openVersionStore(config.dataDir, silentLog).read() ?? { upgraded: false },
    },
    {
      file: 'files.json',
      about: 'the names and sizes of the files in the data folder',
      read: () => listTree(config.dataDir),
    },
    logPart(ask, sinceMs),
  ]
}
