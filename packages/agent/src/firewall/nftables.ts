import type { Log, Tool } from '@plexd/runtime'
import type { Firewall } from './firewall.ts'
import { parseCounters } from './nft/counters.ts'
import {
  consistsOf,
  type Listing,
  type ObservedFirewall,
  observedIn,
  parseListing,
  sealName,
} from './nft/listing.ts'
import { describeProblem, probeText } from './nft/probe.ts'
import { createTable, deleteText } from './nft/table.ts'
import { baseChains, switchText } from './rules/base-chains.ts'
import { buildText } from './rules/deciding-chains.ts'
import { objectsOf, type Ruleset } from './rules/ruleset.ts'

export interface NftablesOptions {
  log: Log
  /** Called with the id of each writing process, so that a watch can tell our changes from others'. */
  onWrite?: (pid: number) => void
  /** Differs after every change of the packet filter, by whomever; undefined while unknown. */
  generation?: () => number | undefined
  /** For tests: `['ip', 'netns', 'exec', name, 'nft']`. */
  command?: readonly [Tool, ...string[]]
}

/** The firewall for Linux nftables: the table `inet plexd`, managed with `nft`. */
export function createNftables({
  log,
  onWrite = () => {},
  generation = () => undefined,
  command = ['nft'],
}: NftablesOptions): Firewall {
  const table = createTable(command, onWrite)
  let left: ObservedFirewall | undefined
  let seen: { at: number; observed: ObservedFirewall } | undefined
  let sealing = Promise.resolve()

  async function list(): Promise<Listing | undefined> {
    // -n: to find the name of a protocol, nft would open a file for each rule.
    const text = await table.list('-s', '-n')
    return text === undefined ? undefined : parseListing(text)
  }

  async function apply(ruleset: Ruleset, observed: ObservedFirewall): Promise<void> {
    await sealing
    left = undefined
    const generation = observed.generation + 1
    try {
      await table.write(buildText(ruleset, generation))
      await table.write(switchText(ruleset, generation))
      const sealed = seal(ruleset, generation, sweepText(observed.objects))
      if (observed.state === 'changed') await sealed
      // Otherwise clean-up continues while the rules are in force. Without a seal they are written again at the next check.
      else
        sealing = sealed.catch((error: unknown) => log.warn('firewall table not sealed', { error }))
    } catch (error) {
      if (observed.state !== 'changed') throw new Error('apply ruleset', { cause: error })
      // Another program left the table in an incompatible form, such as an input chain without a hook.
      log.warn('firewall table is rebuilt from nothing', { error })
      await rebuild(ruleset, generation)
    }
  }

  async function rebuild(ruleset: Ruleset, generation: number): Promise<void> {
    const text = buildText(ruleset, generation) + switchText(ruleset, generation)
    try {
      await table.write(`${deleteText}${text}`)
      await seal(ruleset, generation, '')
    } catch (error) {
      throw new Error('rebuild table inet plexd', { cause: error })
    }
  }

  /** Deletes the previous generation, and seals the table. */
  async function seal(ruleset: Ruleset, generation: number, sweep: string): Promise<void> {
    if (sweep !== '') await table.write(sweep)
    const listing = await list()
    if (!listing || !consistsOf(listing, objectsOf(ruleset, generation)))
      throw new Error('seal table inet plexd: another program is changing it')
    const name = sealName(ruleset.digest, listing)
    await table.write(`add chain inet plexd ${name}\n`)
    const objects = [...listing.objects, { kind: 'chain', name }]
    left = { state: 'intact', digest: ruleset.digest, generation, objects }
  }

  return {
    apply,
    async observe() {
      await sealing
      // Before reading: what is changed meanwhile is read again.
      const at = generation()
      if (seen && seen.at === at) return seen.observed
      const observed = observedIn(await list())
      seen = at === undefined ? undefined : { at, observed }
      return observed
    },
    async asLeft() {
      await sealing
      return left
    },
    async remove() {
      await sealing
      left = undefined
      await table.write(deleteText)
    },
    async counters() {
      const json = await table.list('-j')
      return json === undefined ? new Map() : parseCounters(json)
    },
    check: () => table.dryRun(probeText()).then(() => undefined, describeProblem),
  }
}

/** The commands that delete all of these except the base chains, which are refilled. */
function sweepText(objects: ObservedFirewall['objects']): string {
  const old = objects.filter(({ name }) => !baseChains.includes(name))
  const chains = old.filter(({ kind }) => kind === 'chain')
  const others = old.filter(({ kind }) => kind !== 'chain')
  return [
    // Rules refer to maps and maps to chains, so this order is required.
    ...chains.map(({ name }) => `flush chain inet plexd ${name}\n`),
    ...others.map(({ kind, name }) => `delete ${kind} inet plexd ${name}\n`),
    ...chains.map(({ name }) => `delete chain inet plexd ${name}\n`),
  ].join('')
}
