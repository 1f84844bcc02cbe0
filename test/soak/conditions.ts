import { rm, writeFile } from 'node:fs/promises'
import { until } from '@plexd/runtime/testing'
import { kill, killIn } from '../../scripts/laboratory/namespace.ts'
import {
  both,
  carriesTraffic,
  type Hold,
  isClosed,
  isCutOff,
  isNamed,
  isOpened,
  type Place,
} from './holds.ts'
import { startProxy } from './proxy.ts'
import { allowed, changingPort, memberLabels, temporaryFolder } from './world.ts'

/** What may happen to a node or to its mesh. */
export interface Condition {
  readonly name: string
  /** Brings it about; resolves to what ends it, or to nothing where the agent has to mend it itself. */
  apply(place: Place): Promise<Undo | undefined>
  /** Must come true while it lasts, beside that nothing leaves in clear and nothing passes that is denied. */
  readonly meanwhile?: Hold
  /** Must come true within a bound after it has ended; that the mesh works, when left out. */
  readonly after?: Hold
}

export type Undo = () => Promise<unknown>

export const conditions: readonly Condition[] = [
  itself('nftables are flushed', run('nft', 'flush', 'ruleset')),
  itself('the mesh route is removed', run('ip', 'route', 'flush', 'table', '8293')),
  itself('the mesh rules are removed', run('sh', '-c', rulesAway())),
  itself('the interface is deleted', run('ip', 'link', 'delete', 'plexd0')),
  itself('the interface is set down', run('ip', 'link', 'set', 'plexd0', 'down')),
  itself('the interface is renamed', run('ip', 'link', 'set', 'plexd0', 'name', 'strayed')),
  itself('wireguard-go is killed', ({ victim }) => killIn(victim.host, 'wireguard-go')),
  itself('wireguard-go is frozen', ({ victim }) => killIn(victim.host, 'wireguard-go', 'SIGSTOP')),
  itself('the process that holds the backstop is killed', ({ victim }) =>
    killIn(victim.host, 'nft'),
  ),
  itself('the local socket is removed', ({ victim }) => rm(victim.agent.socket)),
  {
    name: 'nftables are flushed every second',
    meanwhile: carriesTraffic,
    async apply({ victim: { host } }) {
      const loop = host.spawn(['sh', '-c', 'while nft flush ruleset; do sleep 1; done'])
      return () => kill(loop)
    },
  },
  {
    name: 'the daemon is killed',
    meanwhile: both(carriesTraffic, isNamed('daemon')),
    async apply({ victim: { agent } }) {
      await agent.end('SIGKILL')
      return () => agent.start()
    },
  },
  {
    name: 'the daemon is frozen',
    meanwhile: carriesTraffic,
    async apply({ victim: { agent } }) {
      const { child } = agent.program()
      child.kill('SIGSTOP')
      return async () => child.kill('SIGCONT')
    },
  },
  {
    name: 'the daemon is killed, and nftables are flushed',
    meanwhile: isNamed('daemon'),
    async apply({ victim: { agent, host } }) {
      await agent.end('SIGKILL')
      await host.exec(['nft', 'flush', 'ruleset'])
      return () => agent.start()
    },
  },
  {
    name: 'the daemon is killed, and the interface is deleted',
    meanwhile: isNamed('daemon'),
    async apply({ victim: { agent, host } }) {
      await agent.end('SIGKILL')
      await host.ip(['link delete plexd0'])
      return () => agent.start()
    },
  },
  {
    name: 'the control plane is killed',
    meanwhile: both(carriesTraffic, isNamed('control plane')),
    async apply({ world: { system } }) {
      await system.controlPlane.end('SIGKILL')
      return () => system.controlPlane.start()
    },
  },
  ...[404, 403, 502].map((status) => ({
    name: `a proxy answers ${status} in place of the control plane`,
    meanwhile: both(carriesTraffic, isNamed('control plane')),
    async apply({ world: { system } }: Place) {
      await system.controlPlane.end('SIGKILL')
      const end = await startProxy(system, status)
      return async () => {
        await end()
        await system.controlPlane.start()
      }
    },
  })),
  {
    name: 'the default route is gone',
    meanwhile: isNamed('control plane'),
    async apply({ victim: { host } }) {
      const route = (await host.exec(['ip', 'route', 'show', 'default'])).trim()
      await host.ip([`route delete ${route}`])
      return () => host.ip([`route replace ${route}`])
    },
  },
  {
    name: 'STUN is silent',
    meanwhile: carriesTraffic,
    async apply({ world: { system } }) {
      const { host } = system
      await host.exec(['nft', '-f', '-'], { input: silence })
      return () => host.exec(['nft', 'delete', 'table', 'inet', 'silence'])
    },
  },
  {
    name: 'its key is rotated',
    async apply({ world: { system }, victim }) {
      const key = (): Promise<string> =>
        victim.host.exec(['wg', 'show', 'plexd0', 'public-key']).catch(() => '')
      const before = await key()
      await system.admin.requestKeyRotation({ params: { node: victim.name } })
      await until('it has another key', async () => !['', before].includes(await key()), 60_000)
      return undefined
    },
  },
  {
    name: 'the policy opens a port, and closes it again',
    meanwhile: isOpened,
    after: isClosed,
    async apply({ world }) {
      await world.setRules([allowed(changingPort)])
      return () => world.setRules()
    },
  },
  {
    name: 'it loses a label, and gets it back',
    meanwhile: isCutOff,
    async apply({ world: { system }, victim }) {
      const params = { node: victim.name }
      await system.admin.setNodeMetadata({ params, body: { remove: Object.keys(memberLabels) } })
      return () => system.admin.setNodeMetadata({ params, body: { set: memberLabels } })
    },
  },
  {
    name: 'the temporary folder is full, and nftables are flushed',
    async apply({ victim }) {
      const filler = `/proc/${victim.agent.program().pid}/root${temporaryFolder}/filler`
      await writeFile(filler, Buffer.alloc(1_000_000)).catch(whenFull)
      await victim.host.exec(['nft', 'flush', 'ruleset'])
      return () => rm(filler)
    },
  },
]

const silence = `table inet silence {
  chain input { type filter hook input priority 0; udp dport 3478 drop; }
}`

/** The agent has to mend it without help. */
function itself(name: string, strike: (place: Place) => Promise<unknown>): Condition {
  return {
    name,
    async apply(place) {
      await strike(place)
      return undefined
    },
  }
}

function run(program: string, ...args: string[]) {
  return ({ victim }: Place): Promise<string> => victim.host.exec([program, ...args])
}

function rulesAway(): string {
  return 'while ip rule delete lookup 8293 2>/dev/null; do :; done'
}

function whenFull(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOSPC') throw error
}
