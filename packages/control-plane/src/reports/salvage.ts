import {
  controlApi,
  EntryKey,
  jsonBoundsOf,
  passedBound,
  ReportEntry,
  rawMembers,
  skipSpace,
} from '@plexd/protocol'
import { Compile } from 'typebox/compile'
import type { Limits } from '../limits.ts'
import { type ReportedEntry, reportedEntry } from './merge.ts'
import type { ReadReports } from './parse.ts'

const entry = Compile(ReportEntry)
const key = Compile(EntryKey)
const bounds = jsonBoundsOf(controlApi.syncReports)

/**
 * The valid entries of a report body, parsed one by one, and the number of invalid ones: the body may be truncated, and
 * an entry may be anything. Never throws; each entry passes the gate before it is parsed.
 */
export function salvageReports(
  body: Uint8Array,
  { report_batch_entries: maxEntries }: Pick<Limits, 'report_batch_entries'>,
): ReadReports {
  const entries: ReportedEntry[] = []
  const deleted: string[] = []
  let dropped = 0
  for (const { list, raw } of elementsOf(new TextDecoder().decode(body))) {
    const isRoom = entries.length + deleted.length < maxEntries
    const found = isRoom && raw !== undefined ? read(list, raw) : undefined
    if (found === undefined) dropped++
    else if (typeof found === 'string') deleted.push(found)
    else entries.push(found)
  }
  return { entries, deleted, dropped }
}

function read(list: List, raw: string): ReportedEntry | string | undefined {
  if (passedBound(raw, bounds)) return undefined
  try {
    const value: unknown = JSON.parse(raw)
    if (list === 'deleted') return key.Check(value) ? value : undefined
    return entry.Check(value) ? reportedEntry(value, rawMembers(raw).get('payload')) : undefined
  } catch {
    return undefined
  }
}

type List = 'entries' | 'deleted'

interface Element {
  list: List
  /** Undefined if the text is truncated, or not such a body. */
  raw?: string | undefined
}

/** The elements of both lists of an object, as raw text. */
function* elementsOf(text: string): Generator<Element> {
  let at = skipSpace(text, 0)
  if (text[at] !== '{') return yield { list: 'entries' }
  for (at = skipSpace(text, at + 1); text[at] === '"'; ) {
    const keyEnd = endOf(text, at) ?? text.length
    const list = text.slice(at, keyEnd)
    at = skipSpace(text, keyEnd)
    if (text[at] !== ':') return yield { list: 'entries' }
    at = skipSpace(text, at + 1)
    if ((list === '"entries"' || list === '"deleted"') && text[at] === '[')
      at = yield* listed(text, at, list === '"entries"' ? 'entries' : 'deleted')
    else at = endOf(text, at) ?? text.length
    at = skipSpace(text, at)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  if (text[at] !== '}') yield { list: 'entries' }
}

/** Returns the end of the list. */
function* listed(text: string, start: number, list: List): Generator<Element, number> {
  let at = skipSpace(text, start + 1)
  while (at < text.length && text[at] !== ']') {
    const end = endOf(text, at)
    // An empty element would not advance.
    if (end === undefined || end === at) return text.length
    yield { list, raw: text.slice(at, end) }
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return at + 1
}

/** The end of the value that starts here; undefined if the text ends first. */
function endOf(text: string, start: number): number | undefined {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (char === '"') {
      const end = endOfString(text, at)
      if (depth === 0 || end === undefined) return end
      at = end - 1
    } else if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') {
      if (depth <= 1) return depth === 0 ? at : at + 1
      depth--
    } else if (depth === 0 && at > start && ', \n\r\t'.includes(char as string)) return at // in range by the loop's own test
  }
  return undefined
}

function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '"') return at + 1
    if (text[at] === '\\') at++
  }
  return undefined
}
