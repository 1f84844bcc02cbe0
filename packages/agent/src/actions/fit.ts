/**
 * Shortens a value until its JSON has at most `maxBytes`: the longest list or text in it is halved, again and again,
 * with a note of what is missing. Pure.
 */
export function fit(value: unknown, maxBytes: number): unknown {
  let fitting = value
  while (bytesOf(fitting) > maxBytes) {
    const longest = longestOf(fitting)
    if (longest === undefined) return { left_out: bytesOf(value) }
    fitting = replace(fitting, longest, halve(longest))
  }
  return fitting
}

type Long = string | readonly unknown[]

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '')
}

/** The list or text that takes most; undefined if none can be halved. */
function longestOf(value: unknown): Long | undefined {
  let longest: { part: Long; bytes: number } | undefined
  for (const part of partsOf(value)) {
    if (!canHalve(part)) continue
    const bytes = bytesOf(part)
    if (!longest || bytes >= longest.bytes) longest = { part, bytes }
  }
  return longest?.part
}

/** The value and all that is in it; what is inside comes later. */
function partsOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [value]
  return [value, ...Object.values(value).flatMap(partsOf)]
}

function canHalve(part: unknown): part is Long {
  if (typeof part === 'string') return part.length > 64
  return Array.isArray(part) && part.length > 2
}

function halve(part: Long): Long {
  const kept = Math.floor(part.length / 2)
  if (typeof part === 'string') return `${part.slice(0, kept).toWellFormed()}… (cut)`
  const last: unknown = part.at(-1)
  const items = isNote(last) ? part.slice(0, -1) : part
  const gone = items.length - kept + (isNote(last) ? last.left_out : 0)
  return [...items.slice(0, kept), { left_out: gone } satisfies Note]
}

/** The last item of a list that was cut. */
interface Note {
  left_out: number
}

function isNote(item: unknown): item is Note {
  return typeof item === 'object' && item !== null && Object.keys(item).join() === 'left_out'
}

function replace(value: unknown, part: unknown, by: unknown): unknown {
  if (value === part) return by
  if (Array.isArray(value)) return value.map((item) => replace(item, part, by))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, replace(item, part, by)]),
  )
}
