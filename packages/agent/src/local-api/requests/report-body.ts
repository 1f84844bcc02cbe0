import { compactJson, jsonBoundsOf, localApi, passedBound, rawMembers } from '@plexd/protocol'
import { errorAnswer } from './answer.ts'

/** What a PUT asks for; `payload` is JSON text, compact and escaped as Go prints it. */
export interface ReportBody {
  content_type: string
  payload: string
}

export const reportBounds = jsonBoundsOf(localApi.putReport)

/** A longer body is refused. */
export const maxBodyBytes = reportBounds.maxBytes

/**
 * Reads a body as Go's decoder does: field names in any letter case, unknown fields and whatever follows the first
 * value ignored, `null` the same as `{}`. Otherwise the text of the 400.
 */
export function readReportBody(body: Buffer | undefined): ReportBody | string {
  if (body && passedBound(body, reportBounds)) return 'invalid JSON body'
  const members = body && readMembers(body.toString('utf8'))
  if (!members) return 'invalid JSON body'
  const content_type: unknown = JSON.parse(members.get('content_type') ?? 'null')
  if (typeof content_type !== 'string' && content_type !== null) return 'invalid JSON body'
  if (!content_type) return 'content_type is required'
  const payload = members.get('payload')
  if (payload === undefined) return 'payload must be valid JSON'
  return { content_type, payload: compactJson(payload) }
}

/** Raw values by lower-case name; undefined when the text does not start with an object or null. */
function readMembers(text: string): Map<string, string> | undefined {
  const start = text.search(/[^ \t\r\n]/)
  if (text.startsWith('null', start)) return new Map()
  if (text[start] !== '{') return undefined
  const members = tryMembers(text) ?? tryMembers(text.slice(start, endOfObject(text, start)))
  return members && new Map([...members].map(([name, value]) => [name.toLowerCase(), value]))
}

function tryMembers(text: string): Map<string, string> | undefined {
  try {
    return rawMembers(text)
  } catch {
    return undefined // not JSON
  }
}

/** The offset behind the object that starts here, if the text is JSON up to there; else some offset, at most the end. */
function endOfObject(text: string, start: number): number {
  let depth = 0
  let quoted = false
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (char === '"') quoted = !quoted
    else if (quoted && char === '\\') at++
    else if (!quoted && char === '{') depth++
    else if (!quoted && char === '}' && --depth === 0) return at + 1
  }
  return text.length
}

/** The version of an `If-Match` header as Go's Atoi reads it: a sign and digits, 64 bits; undefined when it is none. */
export function parseVersion(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const value = BigInt(text.replace(/^\+/, ''))
  return BigInt.asIntN(64, value) === value ? Number(value) : undefined
}

export const invalidKeyAnswer = errorAnswer(400, 'invalid report key')

/** A slash is refused here, while keys of metadata, data and secrets may have it (wire contract, "Local node API"). */
export function isReportKey(key: string): boolean {
  return (
    key !== '' &&
    key !== '.' &&
    key !== '..' &&
    key.length <= 512 &&
    key.isWellFormed() &&
    !/[/\\]/.test(key)
  )
}
