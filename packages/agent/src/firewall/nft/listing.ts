import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { Parse } from 'typebox/value'

/** The table as `nft -s -n list table inet plexd` prints it: without counters, so that only changes change it. */
export interface Listing {
  /** Lines that belong to the table itself, such as `flags dormant`. */
  own: string[]
  objects: ListedObject[]
}

interface ListedObject {
  /** `chain`, `map`, `set`, ... */
  kind: string
  name: string
  text: string
}

/** Parses the listing of one table; unknown lines end up in `own`. */
export function parseListing(text: string): Listing {
  const listing: Listing = { own: [], objects: [] }
  let open: ListedObject | undefined
  for (const line of text.split('\n').slice(1)) {
    const [, kind, name] = /^\t(\w[\w ]*) (\S+) \{$/.exec(line) ?? []
    if (kind !== undefined && name !== undefined) {
      open = { kind, name, text: '' }
      listing.objects.push(open)
    }
    if (open) open.text += `${line}\n`
    else if (line !== '' && line !== '}') listing.own.push(line)
    if (line === '\t}') open = undefined
  }
  return listing
}

/** The objects of `nft -j list table` (libnftables-json(5)), as yet unchecked. */
export function parseNftJson(json: string): unknown[] {
  return Parse(Type.Object({ nftables: Type.Array(Type.Unknown()) }), JSON.parse(json)).nftables
}

export interface ObservedFirewall {
  /** `intact`: as we wrote it; `changed`: by another program, or half-written by us. */
  state: 'missing' | 'changed' | 'intact'
  /** The ruleset in force, if `intact`. */
  digest?: string
  /** Names with higher numbers are free. */
  generation: number
  /** Everything in the table, including what is not ours. */
  objects: readonly { kind: string; name: string }[]
}

/** What a listing shows; undefined: there is no table. */
export function observedIn(listing: Listing | undefined): ObservedFirewall {
  if (!listing) return { state: 'missing', generation: 0, objects: [] }
  const digest = readSeal(listing)
  const seen = { generation: generationOf(listing), objects: listing.objects }
  return digest === undefined ? { state: 'changed', ...seen } : { state: 'intact', digest, ...seen }
}

/**
 * Whether the table consists of these objects, with so many lines or elements each. Enough to detect a change by somebody
 * else just after a write; the rules themselves are not compared.
 */
export function consistsOf({ own, objects }: Listing, sizes: ReadonlyMap<string, number>): boolean {
  return (
    own.length === 0 &&
    objects.length === sizes.size &&
    objects.every((object) => sizes.get(object.name) === sizeOf(object))
  )
}

/** In a map, its elements: each has a comment. In a chain, all lines except the first and the last. */
function sizeOf({ kind, text }: ListedObject): number {
  return kind === 'map' ? text.split(' comment "').length - 1 : text.split('\n').length - 3
}

/**
 * The name of an empty chain that records, in the table itself, the ruleset and a hash of the listing just after it was
 * written. So an agent, restarted or not, sees from one listing whether the table is as it left it.
 */
export function sealName(digest: string, listing: Listing): string {
  return `seal_${digest}_${fingerprint(listing)}`
}

/** The digest of the ruleset in force; undefined if anything in the table has changed. */
export function readSeal(listing: Listing): string | undefined {
  const [seal, ...others] = listing.objects.filter(isSeal)
  const rest = { ...listing, objects: listing.objects.filter((object) => !isSeal(object)) }
  const [, digest, print] = /^seal_([0-9a-f]+)_([0-9a-f]+)$/.exec(seal?.name ?? '') ?? []
  return others.length === 0 && print === fingerprint(rest) ? digest : undefined
}

/** The highest generation in the names of our objects; 0 if there is none. */
export function generationOf({ objects }: Listing): number {
  const numbers = objects.map(
    ({ name }) => /^(?:decide|denied|allowed|rules)_(\d{1,9})(?:_|$)/.exec(name)?.[1],
  )
  return Math.max(0, ...numbers.map((number) => Number(number ?? 0)))
}

function isSeal({ name }: ListedObject): boolean {
  return name.startsWith('seal_')
}

function fingerprint({ own, objects }: Listing): string {
  const text = [...own, ...objects.map((object) => object.text)].join('\n')
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
