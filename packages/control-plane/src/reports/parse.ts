import { ApiError, Entry, EntryKey, ReportSync } from '@plexd/protocol'
import { Compile } from 'typebox/compile'
import { parseExact } from '../json/exact-json.ts'
import type { ReportBatch } from './merge.ts'

const whole = Compile(ReportSync)
const entry = Compile(Entry)
const key = Compile(EntryKey)

/** Reads a report body; numbers in payloads stay exact. Throws an ApiError (400) for anything else. */
export function parseReports(text: string): ReportBatch {
  const value = parseJson(text)
  // A lone number may be an object by now, and no field of a body is required.
  const isBody = /^\s*\{/.test(text)
  if (isBody && whole.Check(value))
    return { entries: value.entries ?? [], deleted: value.deleted ?? [] }
  const [error] = whole.Errors(value)
  throw new ApiError(
    'bad_request',
    `body${error?.instancePath ?? ''} ${error?.message ?? 'must be object'}`,
  )
}

/** What fits of a report body, and how much did not. Never throws. */
export function salvageReports(text: string): ReportBatch & { dropped: number } {
  const value = tryParse(text)
  const lists = listsOf(value)
  const entries = lists.entries.filter((item): item is Entry => entry.Check(item))
  const deleted = lists.deleted.filter((item): item is string => key.Check(item))
  const dropped = lists.entries.length + lists.deleted.length - entries.length - deleted.length
  return { entries, deleted, dropped: value === undefined ? 1 : dropped }
}

function parseJson(text: string): unknown {
  try {
    return parseExact(text)
  } catch (cause) {
    throw new ApiError('bad_request', 'invalid JSON body', { cause })
  }
}

function tryParse(text: string): unknown {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}

function listsOf(value: unknown): { entries: unknown[]; deleted: unknown[] } {
  const { entries, deleted } = Object(value) as { entries?: unknown; deleted?: unknown }
  return {
    entries: Array.isArray(entries) ? entries : [],
    deleted: Array.isArray(deleted) ? deleted : [],
  }
}
