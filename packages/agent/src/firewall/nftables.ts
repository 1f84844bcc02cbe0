import { ExecError, exec, type Log } from '@plexd/runtime'
import { parseCounters } from './counters.ts'
import type { Firewall, ObservedFirewall } from './firewall.ts'
import { generationOf, type Listing, parseListing, readSeal, sealName } from './listing.ts'
import { describeProblem, probeText } from './probe.ts'
import { buildText, objectsOf, type Ruleset, switchText } from './ruleset.ts'

export interface NftablesOptions {
  log: Log
  /** Called with the id of each process that writes, so that a watch can tell our changes from others'. */
  onWrite?: (pid: number) => void
  /** For tests: `['ip', 'netns', 'exec', name, 'nft']`. */
  command?: readonly [string, ...string[]]
}

/** The firewall by Linux nftables: the table `inet plexd`, driven by `nft`. */
export function createNftables({
  log,
  onWrite = () => {},
  command = ['nft'],
}: NftablesOptions): Firewall {
  /** One transaction: all of it or nothing. */
  async function write(text: string): Promise<void> {
    await exec([...command, '-f', '-'], { input: text, onSpawn: onWrite })
  }

  /** Undefined when there is no table. */
  async function list(): Promise<Listing | undefined> {
    const text = await listTable('-s')
    return text === undefined ? undefined : parseListing(text)
  }

  async function listTable(flag: string): Promise<string | undefined> {
    try {
      return await exec([...command, flag, 'list', 'table', 'inet', 'plexd'])
    } catch (error) {
      if (error instanceof ExecError && isMissing(error)) return undefined
      throw new Error('list table inet plexd', { cause: error })
    }
  }

  async function observe(): Promise<ObservedFirewall> {
    const listing = await list()
    if (!listing) return { state: 'missing', generation: 0 }
    const digest = readSeal(listing)
    const generation = generationOf(listing)
    return digest === undefined
      ? { state: 'changed', generation }
      : { state: 'intact', digest, generation }
  }

  async function apply(ruleset: Ruleset, observed: ObservedFirewall): Promise<void> {
    const generation = observed.generation + 1
    try {
      await write(buildText(ruleset, generation))
      await write(switchText(ruleset, generation))
      await seal(ruleset, generation)
    } catch (error) {
      if (observed.state !== 'changed') throw new Error('apply ruleset', { cause: error })
      // Somebody left the table in a form that ours does not fit into, such as an input chain without a hook.
      log.warn('firewall table rebuilt from nothing', { error })
      await rebuild(ruleset, generation)
    }
  }

  async function rebuild(ruleset: Ruleset, generation: number): Promise<void> {
    const text = buildText(ruleset, generation) + switchText(ruleset, generation)
    try {
      await write(`${deleteText}${text}`)
      await seal(ruleset, generation)
    } catch (error) {
      throw new Error('rebuild table inet plexd', { cause: error })
    }
  }

  /** Clears away what is not of this generation, and says in the table what it holds. */
  async function seal(ruleset: Ruleset, generation: number): Promise<void> {
    const listing = await list()
    if (!listing) throw new Error('seal table inet plexd: another program has deleted it')
    const wanted = objectsOf(ruleset, generation)
    const { left, text } = sweep(listing, wanted)
    if (left.objects.length !== wanted.size || left.own.length > 0)
      throw new Error('seal table inet plexd: another program is changing it')
    await write(`${text}add chain inet plexd ${sealName(ruleset.digest, left)}\n`)
  }

  async function remove(): Promise<void> {
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

  return { observe, apply, remove, counters, check }
}

/** To delete what may not exist, nft before 1.0.7 has to be told to add it first. */
const deleteText = 'add table inet plexd\ndelete table inet plexd\n'

/** What stays of a listing, and the text for nft that deletes the rest. */
function sweep(listing: Listing, wanted: ReadonlySet<string>): { left: Listing; text: string } {
  const old = listing.objects.filter(({ name }) => !wanted.has(name))
  const chains = old.filter(({ kind }) => kind === 'chain')
  const others = old.filter(({ kind }) => kind !== 'chain')
  const text = [
    // Rules refer to maps and maps to chains, so they go in this order.
    ...chains.map(({ name }) => `flush chain inet plexd ${name}\n`),
    ...others.map(({ kind, name }) => `delete ${kind} inet plexd ${name}\n`),
    ...chains.map(({ name }) => `delete chain inet plexd ${name}\n`),
  ]
  const left = listing.objects.filter(({ name }) => wanted.has(name))
  return { left: { own: listing.own, objects: left }, text: text.join('') }
}

function isMissing({ stderr }: ExecError): boolean {
  return stderr.includes('No such file or directory')
}
