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
  /** All its lines. */
  text: string
}

/** Reads the listing of one table; what is not understood ends up in `own`. */
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
 * Whether the table consists of these objects, with so many lines or elements each. That tells a table that was just
 * written from one that somebody has changed since; it does not compare what the rules say.
 */
export function consistsOf({ own, objects }: Listing, sizes: ReadonlyMap<string, number>): boolean {
  return (
    own.length === 0 &&
    objects.length === sizes.size &&
    objects.every((object) => sizes.get(object.name) === sizeOf(object))
  )
}

/** Each element of a map has its comment; of a chain all lines count but the first and the last. */
function sizeOf({ kind, text }: ListedObject): number {
  return kind === 'map' ? text.split(' comment "').length - 1 : text.split('\n').length - 3
}

/**
 * Says in the table itself, by the name of an empty chain, which ruleset was written and what the listing was right
 * after. So a restarted agent, or one that another program woke, sees by one listing whether all is as it left it.
 */
export function sealName(digest: string, listing: Listing): string {
  return `seal_${digest}_${fingerprint(listing)}`
}

/** The digest of the ruleset that is in force unchanged; undefined when anything is not as it was left. */
export function readSeal(listing: Listing): string | undefined {
  const [seal, ...others] = listing.objects.filter(isSeal)
  const rest = { ...listing, objects: listing.objects.filter((object) => !isSeal(object)) }
  const [, digest, print] = /^seal_([0-9a-f]+)_([0-9a-f]+)$/.exec(seal?.name ?? '') ?? []
  return others.length === 0 && print === fingerprint(rest) ? digest : undefined
}

/** The highest number of a generation in the names that we give; 0 when there is none. */
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
