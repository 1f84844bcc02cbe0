/**
 * Limits the size of a log line's fields, because some contain data from outside. Long texts are truncated with their
 * original length, long lists and objects lose their last items.
 */
export function boundFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return boundObject(fields, { chars: maxLineChars }, maxDepth)
}

/** For all texts and keys of a line together. */
const maxLineChars = 8_192
const maxTextChars = 1_024
/** The cost of a number, a bracket or a comma. */
const itemChars = 8
const maxDepth = 4

interface Room {
  chars: number
}

function bound(value: unknown, room: Room, depth: number): unknown {
  room.chars -= itemChars
  if (typeof value === 'string') return cut(value, room)
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) return '…'
  if (Array.isArray(value)) return boundList(value, room, depth - 1)
  return boundObject(value, room, depth - 1)
}

function boundList(list: readonly unknown[], room: Room, depth: number): unknown[] {
  const bounded: unknown[] = []
  for (const item of list) {
    if (room.chars <= 0) break
    bounded.push(bound(item, room, depth))
  }
  return bounded
}

function boundObject(value: object, room: Room, depth: number): Record<string, unknown> {
  const bounded: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    if (room.chars <= 0) break
    bounded[cut(key, room)] = bound(item, room, depth)
  }
  return bounded
}

function cut(text: string, room: Room): string {
  const chars = Math.min(maxTextChars, Math.max(0, room.chars))
  room.chars -= Math.min(text.length, chars)
  return text.length <= chars ? text : `${text.slice(0, chars)}… (${text.length} characters)`
}
