/**
 * A reporter of node:test, beside the one for people: in the end a line of JSON for each file with tests, a `FileOutcome`.
 */
import { resolve } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

export interface FileOutcome {
  /** The absolute path. Where files share one process, that of the module in which the test is defined. */
  file: string
  failed: boolean
  /** Milliseconds; of files that share one process, those of their tests alone. */
  durationMs: number
}

export default async function* outcomesOf(
  events: AsyncIterable<TestEvent>,
): AsyncGenerator<string> {
  const outcomes = new Map<string, FileOutcome>()
  for await (const event of events) note(outcomes, event)
  for (const outcome of outcomes.values()) yield `${JSON.stringify(outcome)}\n`
}

function note(outcomes: Map<string, FileOutcome>, { type, data }: TestEvent): void {
  if (type !== 'test:complete' && type !== 'test:fail') return
  const file = data.entryFile ?? data.file
  if (file === undefined) return
  const outcome = outcomes.getOrInsert(file, { file, failed: false, durationMs: 0 })
  if (type === 'test:fail') outcome.failed = true
  else if (data.nesting === 0) outcome.durationMs = durationWith(outcome, data)
}

/** A file with a process of its own is itself told of as a test, after those in it, and takes as long as the process. */
function durationWith(
  { file, durationMs }: FileOutcome,
  { name, details }: { name: string; details: { duration_ms: number } },
): number {
  return resolve(name) === file ? details.duration_ms : durationMs + details.duration_ms
}
