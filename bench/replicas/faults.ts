import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@plexd/runtime/testing'
import type { Random } from '../../test/support/random.ts'
import type { Installation } from './installation.ts'
import type { Replica } from './replica.ts'

/** Who is what at the moment of a fault. */
export interface Roles {
  serving: Replica
  waiting: Replica
}

export interface Fault {
  name: string
  /** How often it is drawn, beside the others. */
  weight: number
  /** Whether a control plane is killed by it, after which events have to come again in time. */
  isKill?: true
  /**
   * Resolves at the moment from which it counts how long nothing comes: when the fault is there, or when a database that
   * was away for all is back. `over` resolves when nothing is wrong any more.
   */
  begin(
    installation: Installation,
    roles: Roles,
    random: Random,
  ): Promise<{ over?: Promise<unknown> }>
}

/** What happens to control planes, to their database and to what lies between them. */
const faults: readonly Fault[] = [
  {
    name: 'kill -9 of the one that serves',
    weight: 5,
    isKill: true,
    async begin(_, { serving }) {
      serving.signal('SIGKILL')
      return {}
    },
  },
  {
    name: 'kill -9 of one that waits',
    weight: 3,
    isKill: true,
    async begin(_, { waiting }) {
      waiting.signal('SIGKILL')
      return {}
    },
  },
  {
    name: 'kill -9 of two at once',
    weight: 1,
    async begin(_, { serving, waiting }) {
      serving.signal('SIGKILL')
      waiting.signal('SIGKILL')
      return {}
    },
  },
  {
    name: 'SIGSTOP of the one that serves, for a while',
    weight: 2,
    async begin(_, { serving }, random) {
      serving.signal('SIGSTOP')
      return { over: awhile(random).then(() => serving.signal('SIGCONT')) }
    },
  },
  {
    name: 'SIGSTOP of one that waits, for a while',
    weight: 1,
    async begin(_, { waiting }, random) {
      waiting.signal('SIGSTOP')
      return { over: awhile(random).then(() => waiting.signal('SIGCONT')) }
    },
  },
  {
    name: 'kill -9 of PostgreSQL',
    weight: 2,
    async begin({ server }, _, random) {
      await server.end('SIGKILL')
      await delay(random.below(3_000))
      // Until the last of its processes has seen that it is gone, another one does not start.
      const start = () =>
        server.start().then(
          () => true,
          () => false,
        )
      await until('PostgreSQL has started', start, 60_000, 100)
      return {}
    },
  },
  {
    name: 'PostgreSQL stops as in a crash',
    weight: 1,
    async begin({ server }, _, random) {
      await server.end()
      await delay(random.below(3_000))
      await server.start()
      return {}
    },
  },
  {
    name: 'backends of the one that serves are ended',
    weight: 2,
    async begin({ plane }, { serving }, random) {
      const share = 1 + random.below(3)
      plane.query?.(`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name like '%control-plane ${serving.pid()} %' and pid % ${share} = 0`)
      return {}
    },
  },
  {
    name: 'its connections to the database are cut',
    weight: 2,
    async begin(_, { serving }) {
      serving.database.cut()
      return {}
    },
  },
  {
    name: 'its way to the database swallows all, for a while',
    weight: 2,
    async begin(_, { serving }, random) {
      serving.database.hold()
      return { over: awhile(random).then(() => serving.database.release()) }
    },
  },
  {
    name: 'connections between control planes are cut',
    weight: 1,
    async begin(_, { serving }) {
      serving.link.cut()
      return {}
    },
  },
  {
    name: 'the way between control planes swallows all, for a while',
    weight: 1,
    async begin(_, { serving }, random) {
      serving.link.hold()
      return { over: awhile(random).then(() => serving.link.release()) }
    },
  },
  {
    name: 'kill -9 of the balancer',
    weight: 1,
    async begin({ balancer }) {
      await balancer.kill()
      balancer.start()
      return {}
    },
  },
]

/** Each as often as its weight says. */
export function drawFault(random: Random): Fault {
  const all = faults.flatMap((fault) => Array.from({ length: fault.weight }, () => fault))
  return all[random.below(all.length)] as Fault // below its length
}

/** Long enough, or not, for another one to take over. */
function awhile(random: Random): Promise<void> {
  return delay(1_000 + random.below(7_000))
}
