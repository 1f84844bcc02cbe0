import { ExecError } from '@plexd/runtime'
import { pingAll } from '../../scripts/laboratory/probes.ts'
import type { MeshMember } from '../../scripts/programs/mesh-system.ts'
import { changingPort, deniedPort, openPort, type Watched, type World } from './world.ts'

/** Where something happens. */
export interface Place {
  readonly world: World
  readonly victim: Watched
  readonly others: readonly Watched[]
}

/** What must come true within a bound. */
export interface Hold {
  readonly what: string
  holds(place: Place): Promise<boolean>
}

/** Through what is there, whoever is dead or silent above it. */
export const carriesTraffic: Hold = {
  what: 'its pings are answered',
  holds: ({ victim, others }) => pingsAll(victim, others),
}

/** All of it, between all. */
export const works: Hold = {
  what: 'all nodes are connected, what policy allows passes, and what it denies does not',
  async holds({ world: { members } }) {
    for (const member of members) if (!(await isWell(member, members))) return false
    return true
  },
}

export const isOpened: Hold = {
  what: 'a port opens for all',
  holds: ({ victim, others: [other] }) => reaches(victim, other, changingPort),
}

/** In both directions. */
export const isCutOff: Hold = {
  what: 'the port is closed to it',
  holds: async ({ victim, others: [other] }) =>
    (await isKept(victim, other, openPort)) && (await isKept(other, victim, openPort)),
}

export const isClosed: Hold = {
  what: 'the mesh works, and the port is closed again',
  holds: async (place) =>
    (await works.holds(place)) && isKept(place.victim, place.others[0], changingPort),
}

/** A row of `plexd doctor` fails. */
export function isNamed(row: string): Hold {
  const words = new RegExp(`FAILED +${row}:`)
  return {
    what: `plexd doctor says ${words}`,
    holds: async ({ victim }) => words.test(await doctor(victim)),
  }
}

export function both(one: Hold, other: Hold): Hold {
  return {
    what: `${one.what}, and ${other.what}`,
    holds: async (place) => (await one.holds(place)) && other.holds(place),
  }
}

/** It fails where something is wrong. */
export function doctor(member: MeshMember): Promise<string> {
  return printed(member.plexd('doctor'))
}

export function printed(running: Promise<string>): Promise<string> {
  return running.catch((error: unknown) =>
    error instanceof ExecError ? `${error.stdout}${error.stderr}` : String(error),
  )
}

async function isWell(member: Watched, members: readonly Watched[]): Promise<boolean> {
  const others = members.filter((other) => other !== member)
  const [next] = others
  return (
    (await pingsAll(member, others)) &&
    /event stream:\s+connected/.test(await printed(member.plexd('status'))) &&
    (await reaches(member, next, openPort)) &&
    isKept(member, next, deniedPort)
  )
}

async function pingsAll({ host }: Watched, others: readonly Watched[]): Promise<boolean> {
  const addresses = others.map(({ meshIp }) => meshIp)
  return (await pingAll(host, addresses, 1_000)).length === addresses.length
}

async function reaches(from: Watched | undefined, to: Watched | undefined, port: number) {
  return (await from?.traffic.reaches('tcp', to?.meshIp ?? '', port)) ?? false
}

async function isKept(from: Watched | undefined, to: Watched | undefined, port: number) {
  return (await from?.traffic.isKeptFrom('tcp', to?.meshIp ?? '', port)) ?? false
}
