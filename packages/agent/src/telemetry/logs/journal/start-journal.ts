import { existsSync } from 'node:fs'
import type { SourceStatus } from '@plexd/protocol'
import {
  type Clock,
  createBackoff,
  type Exec,
  exec,
  type Log,
  orAborted,
  streamTool,
} from '@plexd/runtime'
import { startTask } from '../../../process/task.ts'
import type { Collecting, Collector } from '../../buffer/collector.ts'
import type { Intake } from '../records/intake.ts'
import {
  entriesBetween,
  type JournalEntry,
  journalFields,
  parseJournalLine,
} from './journal-entry.ts'
import { readLines } from './read-lines.ts'

export interface JournalOptions {
  collector: Collector<unknown>
  intake: Intake
  /** The only ones that are read; all if it is empty. `*` stands for any text. */
  units: readonly string[]
  /** Whether records of the kernel's audit are left out, because they are sent as such. */
  leavesAudit: boolean
  /** Arguments that say where the journal is; that of the machine if there are none. */
  place?: readonly string[]
  isThere?: () => boolean
  run?: Exec
  stream?: typeof streamTool
  clock: Clock
  log: Log
}

const source = 'journald'
/** A container never gets one. */
const lookMs = 60_000
/** What a program prints is cut by journald at 48 KiB, of which each byte is printed as a number at worst; only what is sent by its own protocol is longer. */
const maxLineBytes = 1024 * 1024

/** Reads the journal of systemd, from now on when it was never read. */
export function startJournal(options: JournalOptions): Collecting {
  const { collector, intake, units, leavesAudit, place = [], clock, log } = options
  const { isThere = isJournalThere, run = exec, stream = streamTool } = options
  const backoff = createBackoff({ minMs: 1_000, maxMs: 60_000 })
  let state: SourceStatus = { name: source, state: 'waiting', detail: '' }
  /** The last entry that was handed over, on the disk or not. */
  let cursor = collector.cursor(source)

  function set(next: SourceStatus['state'], detail: string): void {
    if (next === 'failed' && state.detail !== detail)
      log.warn('the journal cannot be read, will be tried again', { error: detail })
    state = { name: source, state: next, detail }
  }

  /** Where the journal ends now. What was logged before plexd was asked to send logs stays here. */
  async function findEnd(signal: AbortSignal): Promise<void> {
    const printed = await run(
      ['journalctl', ...format(place), '--lines=1', '--output-fields=PRIORITY'],
      { signal },
    )
    const last = parseJournalLine(printed.trim())
    if (last) await orAborted(collector.append([], { source, value: last.cursor }), signal)
    cursor = last?.cursor
  }

  /** Told when what follows the cursor is no longer there. With some units only, it cannot be seen. */
  async function tellMissing(first: JournalEntry, signal: AbortSignal): Promise<void> {
    const count =
      cursor === undefined || units.length > 0 ? 0 : entriesBetween(cursor, first.cursor)
    const reason = 'the journal was vacuumed before it was read'
    if (count > 0) await orAborted(collector.lost(count, reason), signal)
  }

  async function follow(signal: AbortSignal): Promise<string> {
    let isFirst = true
    return await stream(command(cursor, units, place), {
      signal,
      onStart: () => set('running', describeUnits(units)),
      async onOutput(output) {
        for await (const { lines, bytes } of readLines(output, maxLineBytes)) {
          const entries = lines.flatMap((line) => parseJournalLine(line) ?? [])
          const [first, last] = [entries[0], entries.at(-1)]
          if (!first || !last) continue
          if (isFirst) await tellMissing(first, signal)
          isFirst = false
          cursor = last.cursor
          const said = leavesAudit ? entries.filter(({ isAudit }) => !isAudit) : entries
          await intake.add(said, bytes, { source, value: cursor }, signal)
        }
      },
    })
  }

  async function attempt(signal: AbortSignal): Promise<string> {
    try {
      if (cursor === undefined) await findEnd(signal)
      return await follow(signal)
    } catch (error) {
      signal.throwIfAborted()
      return error instanceof Error ? error.message : String(error)
    }
  }

  const task = startTask(async (signal) => {
    for (;;) {
      if (!isThere()) {
        set('waiting', 'this machine has no journal of systemd')
        await clock.sleep(lookMs, signal)
        continue
      }
      const startedMs = clock.monotonic()
      const why = await attempt(signal)
      signal.throwIfAborted()
      set('failed', why)
      if (clock.monotonic() - startedMs > 60_000) backoff.reset()
      await clock.sleep(backoff.nextMs(), signal)
    }
  })
  return { sources: () => [state], [Symbol.asyncDispose]: () => task[Symbol.asyncDispose]() }
}

/** systemd-journald.service(8): where programs send what is logged. */
function isJournalThere(): boolean {
  return existsSync('/run/systemd/journal/socket')
}

/** Without setpriv, it would outlive a killed daemon until the next entry. */
function command(
  cursor: string | undefined,
  units: readonly string[],
  place: readonly string[],
): ['setpriv', ...string[]] {
  return [
    'setpriv',
    '--pdeathsig',
    'KILL',
    'journalctl',
    ...format(place),
    '--follow',
    // Whole messages; without it those of more than 4 KiB are null.
    '--all',
    '--no-tail',
    `--output-fields=${journalFields.join()}`,
    ...units.map((unit) => `--unit=${unit}`),
    ...(cursor === undefined ? [] : [`--after-cursor=${cursor}`]),
  ]
}

function format(place: readonly string[]): string[] {
  return [...place, '--quiet', '--no-pager', '--output=json']
}

function describeUnits(units: readonly string[]): string {
  return units.length === 0 ? 'all units' : units.join(', ')
}
