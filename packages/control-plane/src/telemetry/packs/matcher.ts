import { logWords, type MetricPoint } from '@plexd/protocol'
import type { RecordKind } from './kinds.ts'
import { type IdentifySeries, type PointSamples, samplesOf } from './samples.ts'

export interface RecordFilter {
  /** By the timestamp of a record, both ends included. */
  sinceMs: number
  untilMs: number
  /** Of logs the unit, of metrics the group, of audit records the type of the event. */
  units?: readonly string[] | undefined
  /** Of logs. */
  severities?: readonly string[] | undefined
  /** What the message or the fields of a log record contain, or the JSON of another one, in upper or lower case. */
  grep?: string | undefined
}

/** What a filter wants to know of a record. */
export interface RecordFacts {
  /** Its timestamp in milliseconds since 1970; NaN if it has none. */
  at: number
  unit: string | undefined
  severity: string | undefined
  /** In lower case. */
  words: string
}

/** The member of a record that `units` of a filter are compared with. */
const unitMember: Readonly<Record<RecordKind, string>> = {
  logs: 'unit',
  metrics: 'group',
  audit: 'event_type',
  drift: 'type',
  violations: 'type',
}

/** What is to be known of a record that has just come. */
export interface ArrivedFacts extends RecordFacts {
  /** Of a metric point, if it has a time. */
  point: PointSamples | undefined
}

/** Of a record, which is a JSON object. */
export function factsOf(kind: RecordKind, text: string): RecordFacts {
  return readFacts(kind, text, JSON.parse(text))
}

/** The same, and its values, from reading it once. */
export function arrivedFactsOf(
  kind: RecordKind,
  text: string,
  identify?: IdentifySeries,
): ArrivedFacts {
  const record = JSON.parse(text)
  const facts = readFacts(kind, text, record)
  if (kind !== 'metrics') return Object.assign(facts, { point: undefined })
  return Object.assign(facts, { point: samplesOf(record as MetricPoint, identify) }) // checked when it came
}

function readFacts(kind: RecordKind, text: string, record: Record<string, unknown>): RecordFacts {
  const { timestamp, severity, message, fields } = record
  const isLog = kind === 'logs' && typeof message === 'string'
  return {
    at: typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN,
    unit: textOf(record[unitMember[kind]]),
    severity: textOf(severity),
    /** Only when somebody looks for words: in what comes of metrics, nobody does. */
    get words() {
      return fold(isLog ? logWords({ message, ...(isMembers(fields) ? { fields } : {}) }) : text)
    },
  }
}

/** Pure; the same for what is stored and for what is just coming in. */
export function createMatcher(filter: RecordFilter): (facts: RecordFacts) => boolean {
  const { sinceMs, untilMs } = filter
  const units = filter.units && new Set(filter.units)
  const severities = filter.severities && new Set(filter.severities)
  const needle = fold(filter.grep ?? '')
  return ({ at, unit = '', severity = '', words }) =>
    at >= sinceMs &&
    at <= untilMs &&
    (units?.has(unit) ?? true) &&
    (severities?.has(severity) ?? true) &&
    words.includes(needle)
}

function isMembers(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** So that upper and lower case are the same. */
export function fold(text: string): string {
  return text.toLowerCase()
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
