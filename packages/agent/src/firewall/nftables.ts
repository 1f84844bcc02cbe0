import { type Exec, ExecError, exec, type Log, type Tool } from '@plexd/runtime'
import type { Firewall, ObservedFirewall } from './firewall.ts'
import { parseCounters } from './nft/counters.ts'
import { createExecThroughFile } from './nft/exec-through-file.ts'
import {
  consistsOf,
  generationOf,
  type Listing,
  parseListing,
  readSeal,
  sealName,
} from './nft/listing.ts'
import { describeProblem, probeText } from './nft/probe.ts'
import { baseChains, buildText, objectsOf, type Ruleset, switchText } from './rules/ruleset.ts'

export interface NftablesOptions {
  log: Log
  /** Called with the id of each writing process, so that a watch can tell our changes from others'. */
  onWrite?: (pid: number) => void
  /** For tests: `['ip', 'netns', 'exec', name, 'nft']`. */
  command?: readonly [Tool, ...string[]]
}

/** The firewall for Linux nftables: the table `inet plexd`, managed with `nft`. */
export function createNftables({
  log,
  onWrite = () => {},
  command = ['nft'],
}: NftablesOptions): Firewall {
  const execThroughFile = createExecThroughFile()

  /** One transaction: all of it or nothing. */
  async function write(text: string): Promise<void> {
    await exec([...command, '-f', '-'], { input: text, onSpawn: onWrite })
  }

  /** Undefined if there is no table. */
  async function list(): Promise<Listing | undefined> {
    // -n: to find the name of a protocol, nft would open a file for each rule.
    const text = await listTable('-s', '-n')
    return text === undefined ? undefined : parseListing(text)
  }

  async function listTable(...flags: string[]): Promise<string | undefined> {
    try {
      return await execThroughFile([...command, ...flags, 'list', 'table', 'inet', 'plexd'])
    } catch (error) {
      if (error instanceof ExecError && isMissing(error)) return undefined
      throw new Error('list table inet plexd', { cause: error })
    }
  }

  let left: ObservedFirewall | undefined
  let sealing = Promise.resolve()

  async function observe(): Promise<ObservedFirewall> {
    await sealing
    const listing = await list()
    if (!listing) return { state: 'missing', generation: 0, objects: [] }
    const digest = readSeal(listing)
    const { objects } = listing
    const seen = { generation: generationOf(listing), objects }
    return digest === undefined
      ? { state: 'changed', ...seen }
      : { state: 'intact', digest, ...seen }
  }

  async function apply(ruleset: Ruleset, observed: ObservedFirewall): Promise<void> {
    await sealing
    left = undefined
    const generation = observed.generation + 1
    try {
      await write(buildText(ruleset, generation))
      await write(switchText(ruleset, generation))
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
      await write(`${deleteText}${text}`)
      await seal(ruleset, generation, '')
    } catch (error) {
      throw new Error('rebuild table inet plexd', { cause: error })
    }
  }

  /** Deletes the previous generation, and seals the table. */
  async function seal(ruleset: Ruleset, generation: number, sweep: string): Promise<void> {
    if (sweep !== '') await write(sweep)
    const listing = await list()
    if (!listing || !consistsOf(listing, objectsOf(ruleset, generation)))
      throw new Error('seal table inet plexd: another program is changing it')
    const name = sealName(ruleset.digest, listing)
    await write(`add chain inet plexd ${name}\n`)
    const objects = [...listing.objects, { kind: 'chain', name }]
    left = { state: 'intact', digest: ruleset.digest, generation, objects }
  }

  async function asLeft(): Promise<ObservedFirewall | undefined> {
    await sealing
    return left
  }

  async function remove(): Promise<void> {
    await sealing
    left = undefined
    await write(deleteText)
  }

  async function counters() {
    const json = await listTable('-j')
    return json === undefined ? new Map() : parseCounters(json)
  }

  async function check(): Promise<string | undefined> {
    try {
      await exec([...command, '-c', '-f', '-'], { input: probeText() })
      return undefined
    } catch (error) {
      return describeProblem(error)
    }
  }

  return { observe, asLeft, apply, remove, counters, check }
}

/** The owner of a table with our name: this interface, another one, or unknown because it was emptied. */
export type TableOwner = 'ours' | 'of another' | 'unknown'

/** Deletes the table if it belongs to the interface; with `ifUnknown` also one whose owner is unknown. */
export async function removeTableOf(
  interfaceName: string,
  { ifUnknown, run = exec }: { ifUnknown: boolean; run?: Exec },
): Promise<void> {
  const owner = await tableOwner(interfaceName, run)
  if (owner === 'ours' || (owner === 'unknown' && ifUnknown))
    await run(['nft', '-f', '-'], { input: deleteText })
}

/** Undefined if there is none. An nft that cannot list has never written one. */
export async function tableOwner(
  interfaceName: string,
  run: Exec = exec,
): Promise<TableOwner | undefined> {
  try {
    const text = await run(['nft', 'list', 'table', 'inet', 'plexd'])
    if (text.includes(`"${interfaceName}"`)) return 'ours'
    return /\b[io]ifname\b/.test(text) ? 'of another' : 'unknown'
  } catch (error) {
    if (error instanceof ExecError) return undefined
    throw error
  }
}

/** nft before 1.0.7 cannot delete what may not exist, so it is added first. */
const deleteText = 'add table inet plexd\ndelete table inet plexd\n'

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

function isMissing({ stderr }: ExecError): boolean {
  return stderr.includes('No such file or directory')
}
