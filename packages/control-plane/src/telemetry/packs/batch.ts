import {
  ApiError,
  duplicateKey,
  rawElements,
  rawMembers,
  schemaFault,
  type TelemetryKind,
  telemetryKinds,
} from '@plexd/protocol'
import { Compile } from 'typebox/compile'
import type { Limits } from '../../limits.ts'
import { type Pack, packRecords } from './pack.ts'

export interface Batch {
  /** The valid records, ready to be stored: as the node wrote them except for the severity. */
  packs: Pack[]
  /** How many are valid. */
  count: number
  dropped: number
  /** Of the first of those that were dropped. */
  refusals: { record: number; reason: string }[]
}

/** Reasons take long to put into words, and who made one mistake makes it in every record. */
const maxRefusals = 10

type BatchLimits = Pick<Limits, 'telemetry_batch_records' | 'telemetry_record_bytes'>

/**
 * Parses a batch in either form: a JSON array, or one JSON object per line (wire contract 2.14-16). Invalid records
 * are dropped and counted, as long as one is valid. Throws an ApiError: 400 if none is, 413 for
 * too many records.
 */
export function parseBatch(kind: TelemetryKind, body: Uint8Array, limits: BatchLimits): Batch {
  const { telemetry_batch_records: maxRecords, telemetry_record_bytes: maxRecordBytes } = limits
  const text = new TextDecoder().decode(body).trim()
  if (text === '') throw new ApiError('bad_request', 'the batch is empty')
  const raw = text.startsWith('[') ? elementsOf(text) : linesOf(text)
  if (raw.length > maxRecords)
    throw new ApiError(
      'payload_too_large',
      `the batch has more than ${maxRecords} records (limit telemetry_batch_records): send it in parts`,
    )
  const records: string[] = []
  const places: number[] = []
  const refusals: Batch['refusals'] = []
  for (const [place, record] of raw.entries()) {
    const { text, refusal } = read(kind, record, maxRecordBytes)
    if (text !== undefined) {
      records.push(text)
      places.push(place)
    } else if (refusals.length < maxRefusals)
      refusals.push({ record: place, reason: refusal?.() ?? '' })
  }
  const [first] = refusals
  if (records.length === 0 && first)
    throw new ApiError('bad_request', `no record of the batch fits: record 0: ${first.reason}`)
  const packs = packRecords(kind, { records, batch: { count: raw.length, places } })
  return { packs, count: records.length, dropped: raw.length - records.length, refusals }
}

const validators = {
  metrics: Compile(telemetryKinds.metrics),
  logs: Compile(telemetryKinds.logs),
  audit: Compile(telemetryKinds.audit),
}

/** Any JSON, kept as it was written. */
const opaque: ReadonlySet<string> = new Set(['data', 'subject', 'object', 'fields'])

/** A record, or why it is invalid. */
interface Reading {
  text?: string
  refusal?: () => string
}

function read(kind: TelemetryKind, text: string, maxBytes: number): Reading {
  if (Buffer.byteLength(text) > maxBytes)
    return {
      refusal: () =>
        `it is larger than ${maxBytes} bytes (limit telemetry_record_bytes): send it in parts`,
    }
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch {
    return { refusal: () => 'it is not JSON' }
  }
  const twice = duplicateKey(text, opaque)
  if (twice !== undefined)
    return { refusal: () => `it has ${JSON.stringify(twice.slice(0, 64))} twice` }
  if (validators[kind].Check(record))
    return { text: kind === 'logs' ? withSeedSeverity(text, record as LogRecord) : text }
  return { refusal: () => faultOf(kind, record) }
}

function faultOf(kind: TelemetryKind, record: unknown): string {
  return schemaFault(validators[kind].Errors(record), { whole: 'it', value: record })
}

interface LogRecord {
  severity?: string
}

function elementsOf(text: string): string[] {
  try {
    return rawElements(text)
  } catch (cause) {
    throw new ApiError('bad_request', 'the batch is not a JSON array', { cause })
  }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** Maps the Go agent's syslog severities to the specification's. */
const severities: Readonly<Record<string, string>> = {
  emerg: 'error',
  alert: 'error',
  crit: 'error',
  err: 'error',
  warning: 'warn',
  notice: 'info',
}

function withSeedSeverity(text: string, { severity }: LogRecord): string {
  const word = severity?.toLowerCase() ?? ''
  const normal = severities[word] ?? word
  if (severity === undefined || normal === severity) return text
  const members = rawMembers(text).set('severity', JSON.stringify(normal))
  return `{${[...members].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
}
