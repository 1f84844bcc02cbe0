import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { RecordKind } from './kinds.ts'
import { factsOf } from './matcher.ts'
import { filterOf } from './word-filter.ts'

/** Records of one batch as they are stored: compressed together, with what a search has to know to pass them by. */
export interface Pack {
  count: number
  /** The first and the last timestamp, infinities if there is none; whether each record has one. */
  times: { minMs: number; maxMs: number; isEach: boolean }
  /** Each that occurs; undefined if these are too many to tell. */
  units: readonly string[] | undefined
  severities: readonly string[] | undefined
  /** Whether characters are escaped in another way than JSON.stringify does it, so that a word may look otherwise in the text. */
  isEscaped: boolean
  /** A word filter, see word-filter.ts. */
  words: Uint8Array
  /** Zstandard. */
  body: Uint8Array
  /** Of what is in the body. */
  textBytes: number
  /** The places in the batch that the pack covers, from `from` to before `to`; refused records are in between. */
  from: number
  to: number
  /** Of each record; undefined if none was refused. */
  places: readonly number[] | undefined
}

/** Bounds of a pack: it is what a search decompresses at once, and a page of a list too. */
const maxRecords = 2_000
const maxTextBytes = 1024 * 1024

/** Separates the records: no JSON text contains it. */
const separator = '\x1e'

export interface Packable {
  records: readonly string[]
  /** Of the batch, refused records included; of each record its place in it. */
  batch?: { count: number; places: readonly number[] } | undefined
}

/** Pure, and takes a second for 300,000 records: large batches are packed by the thread that parses them. */
export function packRecords(kind: RecordKind, { records, batch }: Packable): Pack[] {
  const packs: Pack[] = []
  const count = batch?.count ?? records.length
  const isWhole = count === records.length
  const placeOf = (index: number): number => batch?.places[index] ?? index
  for (let start = 0; start < records.length; ) {
    const end = endOfPack(records, start)
    packs.push({
      ...packOne(kind, records.slice(start, end)),
      from: start === 0 ? 0 : placeOf(start),
      to: end === records.length ? count : placeOf(end),
      places: isWhole ? undefined : batch?.places.slice(start, end),
    })
    start = end
  }
  return packs
}

function endOfPack(records: readonly string[], start: number): number {
  let bytes = 0
  let end = start
  while (
    end < records.length &&
    end - start < maxRecords &&
    (bytes < maxTextBytes || end === start)
  )
    bytes += records[end++]?.length ?? 0
  return end
}

function packOne(
  kind: RecordKind,
  records: readonly string[],
): Omit<Pack, 'from' | 'to' | 'places'> {
  const facts = records.map((record) => factsOf(kind, record))
  const text = records.join(separator)
  const bytes = Buffer.from(text)
  return {
    count: records.length,
    times: timesOf(facts.map(({ at }) => at)),
    units: distinct(facts.map(({ unit }) => unit)),
    severities: distinct(facts.map(({ severity }) => severity)),
    isEscaped: /\\[u/]/.test(text),
    words: filterOf(facts.map(({ words }) => words)),
    body: Uint8Array.from(zstdCompressSync(bytes, compression)),
    textBytes: bytes.length,
  }
}

/** Level 1: a third of the time of level 6, and within a twentieth of its size. With a checksum: SQLite has none of what is in a row. */
const compression = {
  params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
}

function timesOf(times: readonly number[]): Pack['times'] {
  let minMs = Number.POSITIVE_INFINITY
  let maxMs = Number.NEGATIVE_INFINITY
  const known = times.filter((at) => !Number.isNaN(at))
  for (const at of known) {
    minMs = Math.min(minMs, at)
    maxMs = Math.max(maxMs, at)
  }
  return { minMs, maxMs, isEach: known.length === times.length }
}

/** From the first to the last time of a pack that came at `atMs`; a record without one is found by when it came. */
export function spanOf(
  { minMs, maxMs, isEach }: Pack['times'],
  atMs: number,
): { minMs: number; maxMs: number } {
  return isEach ? { minMs, maxMs } : { minMs: Math.min(minMs, atMs), maxMs: Math.max(maxMs, atMs) }
}

/** Of what is listed of a pack. */
const maxValues = 64
const maxCharacters = 4_096

function distinct(values: readonly (string | undefined)[]): string[] | undefined {
  const found = [...new Set(values)].filter((value) => value !== undefined)
  return found.length > maxValues || found.join('').length > maxCharacters ? undefined : found
}

/** The text of a body; its records are what `recordsOf` gives. */
export function textOf(body: Uint8Array): string {
  return zstdDecompressSync(body).toString()
}

/** Of a body that is on a disk; undefined if it is damaged there. */
export function storedText(body: Uint8Array): string | undefined {
  try {
    return textOf(body)
  } catch {
    return undefined
  }
}

export function recordsOf(text: string): string[] {
  return text === '' ? [] : text.split(separator)
}

/** What is left of packs without the places below `known`. */
export function withoutKnown(kind: RecordKind, pack: Pack, known: number): Pack | undefined {
  if (known <= pack.from) return pack
  if (known >= pack.to) return undefined
  const records = recordsOf(textOf(pack.body))
  const index = pack.places ? pack.places.findIndex((place) => place >= known) : known - pack.from
  if (index === -1 || index >= records.length) return undefined
  const places = pack.places?.slice(index)
  return { ...packOne(kind, records.slice(index)), from: known, to: pack.to, places }
}
