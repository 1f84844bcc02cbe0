import {
  compactJson,
  Entry,
  escapeHtml,
  passedBound,
  rawMembers,
  validatorOf,
} from '@plexd/protocol'

/**
 * A data entry as it is kept and shown: the payload is the JSON text that the operator wrote, compact, so that no number
 * loses digits and no key is lost.
 */
export interface DataEntry extends Omit<Entry, 'payload'> {
  payload: string
}

/** More than any control plane of ours lets be written. */
export const entryBounds = { maxBytes: 4 * 1024 * 1024, maxDepth: 64, maxValues: 200_000 }

const entry = validatorOf(Entry)

/** Reads one from its text. Throws a SyntaxError when it is no JSON, and a TypeError that says what does not fit. */
export function readDataEntry(text: string): DataEntry {
  const passed = passedBound(text, entryBounds)
  if (passed) throw new TypeError(words[passed])
  const found: unknown = JSON.parse(text)
  const isObject = typeof found === 'object' && found !== null && !Array.isArray(found)
  // The payload is kept as text: of it nothing is to be checked but that it is there.
  const value = isObject && 'payload' in found ? { ...found, payload: null } : found
  const validator = entry()
  if (!validator.Check(value)) throw new TypeError(misfit(validator.Errors(value)))
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

/** The first thing that does not fit, for a person. */
export function misfit([first]: readonly { instancePath: string; message: string }[]): string {
  const { instancePath = '', message = 'it does not fit' } = first ?? {}
  return `${instancePath.slice(1)} ${message}`.trimStart()
}

const words = {
  bytes: `it is larger than ${entryBounds.maxBytes} bytes`,
  depth: `it is nested deeper than ${entryBounds.maxDepth}`,
  values: `it has more than ${entryBounds.maxValues} values`,
}

/** A part of a long text keeps all of it in memory. */
function copyOf(text: string): string {
  return Buffer.from(text).toString()
}
