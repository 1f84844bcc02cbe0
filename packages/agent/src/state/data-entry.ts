import {
  type Bound,
  compactJson,
  defaultMaxDepth,
  Entry,
  escapeHtml,
  type JsonBounds,
  passedBound,
  rawMembers,
  schemaFault,
  validatorOf,
} from '@plexd/protocol'
import type { Limits } from '../config/limits.ts'

/**
 * A data entry as it is kept and shown: the payload is the JSON text that the operator wrote, compact, so that no number
 * loses digits and no key is lost.
 */
export interface DataEntry extends Omit<Entry, 'payload'> {
  payload: string
}

export type EntryLimits = Pick<Limits, 'data_entry_bytes' | 'data_entry_values'>

const unlimited: EntryLimits = {
  data_entry_bytes: Number.POSITIVE_INFINITY,
  data_entry_values: Number.POSITIVE_INFINITY,
}

const entry = validatorOf(Entry)

/**
 * Reads one from its text. Throws a SyntaxError when it is no JSON, and a TypeError that says what does not fit. Without
 * limits it is one that was within them once.
 */
export function readDataEntry(text: string, limits: EntryLimits = unlimited): DataEntry {
  const { data_entry_bytes: maxBytes, data_entry_values: maxValues } = limits
  const bounds = { maxBytes, maxValues, maxDepth: defaultMaxDepth }
  const passed = passedBound(text, bounds)
  if (passed) throw new TypeError(excess(passed, bounds))
  const found: unknown = JSON.parse(text)
  const isObject = typeof found === 'object' && found !== null && !Array.isArray(found)
  // The payload is kept as text: of it nothing is to be checked but that it is there.
  const value = isObject && 'payload' in found ? { ...found, payload: null } : found
  const validator = entry()
  if (!validator.Check(value))
    throw new TypeError(schemaFault(validator.Errors(value), { whole: 'it', value }))
  const payload = rawMembers(text).get('payload') ?? ''
  const { key, content_type, version, updated_at } = value
  return { key, content_type, payload: copyOf(compactJson(payload)), version, updated_at }
}

/** The entry as it is on the disk and in answers. */
export function dataEntryJson({
  key,
  content_type,
  payload,
  version,
  updated_at,
}: DataEntry): string {
  const text = (value: string): string => escapeHtml(JSON.stringify(value))
  return `{"key":${text(key)},"content_type":${text(content_type)},"payload":${payload},"version":${version},"updated_at":${text(updated_at)}}`
}

function excess(passed: Bound, { maxBytes, maxValues, maxDepth }: JsonBounds): string {
  const words = {
    bytes: `it is larger than ${maxBytes} bytes (limit data_entry_bytes)`,
    depth: `it is nested deeper than ${maxDepth}`,
    values: `it has more than ${maxValues} values (limit data_entry_values)`,
  }
  return words[passed]
}

/** A part of a long text keeps all of it in memory. */
function copyOf(text: string): string {
  return Buffer.from(text).toString()
}
