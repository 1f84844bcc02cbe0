/**
 * The backstop behind our table: without it, flushing the packet filter would open the mesh until the filter is restored. A
 * separate table drops what ours did not accept. It is owned by a process that outlives the daemon: nobody else
 * can change it, and `nft flush ruleset` skips it.
 */
import { createHash } from 'node:crypto'
import { aroundTexts, type Surroundings } from '../rules/base-chains.ts'
import { passMark } from '../rules/deciding-chains.ts'

export type BackstopPlace = Pick<Surroundings, 'interface' | 'meshIp'>

export interface BackstopPlan {
  interface: string
  /** Of the text: two tables may exist at once while one replaces the other. */
  digest: string
  /** With the digest in its name. */
  table: string
  /** For nft, on one line, because `nft -i` runs each line as a transaction. */
  line: string
}

/** The prefix of these tables' names. */
const backstopPrefix = 'plexd_backstop_'

/**
 * Our table marks accepted packets. The mark is cleared before it, so that it cannot come from elsewhere, and after it,
 * so that nobody else sees it.
 */
export function planBackstop(place: BackstopPlace): BackstopPlan {
  const lineOf = (table: string): string =>
    [
      `add table inet ${table} { flags owner; }`,
      ...hooks.flatMap((hook) => chainLines(hook, place)),
    ]
      .map((line) => line.replaceAll('TABLE', `inet ${table}`))
      .join('; ')
  const digest = createHash('sha256').update(lineOf('')).digest('hex').slice(0, 8)
  const table = `${backstopPrefix}${digest}`
  return { interface: place.interface, digest, table, line: lineOf(table) }
}

interface Hook {
  name: 'input' | 'forward' | 'output'
  directions: readonly ('iifname' | 'oifname')[]
}

const hooks: readonly Hook[] = [
  { name: 'input', directions: ['iifname'] },
  { name: 'forward', directions: ['iifname', 'oifname'] },
  { name: 'output', directions: ['oifname'] },
]

/** Just before and after our own chains, which have the priority `filter`. */
function chainLines(
  { name, directions }: Hook,
  { interface: mesh, meshIp }: BackstopPlace,
): string[] {
  const ours = directions.map((direction) => `${direction} "${mesh}"`)
  const wiped = `meta mark set mark and ${hex(0xffffffff - passMark)}`
  return [
    `add chain TABLE before_${name} { type filter hook ${name} priority -1; policy accept; }`,
    ...ours.map((match) => `add rule TABLE before_${name} ${match} ${wiped}`),
    `add chain TABLE behind_${name} { type filter hook ${name} priority 1; policy accept; }`,
    ...(name === 'output' ? [] : aroundTexts({ interface: mesh, meshIp })).map(
      (text) => `add rule TABLE behind_${name} ${text} counter drop`,
    ),
    ...ours.map(
      (match) =>
        `add rule TABLE behind_${name} ${match} mark and ${hex(passMark)} == 0 counter drop`,
    ),
    ...ours.map((match) => `add rule TABLE behind_${name} ${match} ${wiped}`),
  ]
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`
}
