import type { Answer, FollowedRecord, Skipped, TelemetryRecord } from '@plexd/protocol'
import { CliError, exitCodes, jsonText, parseExact, printable } from '@plexd/runtime'
import type { Admin } from '../../command.ts'
import type { Connection } from '../../connection/connection.ts'
import { allPages, type Context, type Page } from '../../context.ts'
import type { Io } from '../../terminal/io.ts'
import { printNote } from '../../terminal/output.ts'
import { followEvents } from '../events/event-stream.ts'
import { isJson, nodesOf, type RecordFlags, timesOf } from './record-flags.ts'

/** One of the kinds of records that can be searched and followed. */
export interface RecordKind {
  search(admin: Admin, query: Record<string, string>): Promise<Answer<Page<TelemetryRecord>>>
  follow: { method: string; path: string }
  format(record: TelemetryRecord): string
}

/** As far back as one looks who does not say. */
const defaultSince = '1h'
/** Records in front of what comes, for who does not say how many. */
const defaultTail = 10

/** Prints what there is, and with `--follow` what comes after it, each record once. */
export async function printRecords(
  { io, connect }: Context,
  kind: RecordKind,
  node: string | undefined,
  flags: RecordFlags,
): Promise<void> {
  if (flags.follow && flags.until !== undefined)
    throw new CliError(
      '--until has an end, and --follow has none: want one of them',
      exitCodes.usage,
    )
  const filter = filterOf(node, flags)
  const json = isJson(flags)
  const print = (record: TelemetryRecord): void => {
    io.stdout.write(`${json ? jsonText(record) : printable(kind.format(record))}\n`)
  }
  const connection = await connect()
  const history = historyOf(flags, io.clock.now())
  const search = (page: object) =>
    kind.search(connection.admin, { ...filter, ...history.query, ...page })

  if (flags.follow)
    return await printFollowing(io, openingOf(connection, kind, filter), {
      history: () => history.read(search),
      print,
    })
  let isEmpty = true
  for await (const record of history.read(search)) {
    print(record)
    isEmpty = false
  }
  if (isEmpty && flags.since === undefined && flags.tail === undefined)
    printNote(io, nothingNote(filter))
}

/** Nothing found is often a word misspelt. */
function nothingNote({ node, selector, ...words }: Record<string, string>): string {
  const what = Object.keys(words).length === 0 ? 'nothing' : 'nothing that matches'
  const nodes = selector === undefined ? '' : `; "plexctl node list -l" shows which nodes these are`
  return `${what} in the last hour: --since looks further back${nodes}`
}

/** Opens the stream behind the record of this id. */
type Opening = (after: string | undefined, signal: AbortSignal) => ReturnType<Connection['open']>

function openingOf(
  { open }: Connection,
  { follow: { method, path } }: RecordKind,
  filter: Record<string, string>,
): Opening {
  return (after, signal) => {
    const query = new URLSearchParams({ ...filter, ...(after === undefined ? {} : { after }) })
    const headers = { accept: 'text/event-stream' }
    return open({ method, path: `${path}?${query}`, headers, signal })
  }
}

interface Following {
  history: () => AsyncIterable<TelemetryRecord>
  print: (record: TelemetryRecord) => void
}

async function printFollowing(
  io: Io,
  opening: Opening,
  { history, print }: Following,
): Promise<void> {
  const signal = io.interrupted()
  const opened = Promise.withResolvers<void>()
  const events = followEvents({
    async open(after) {
      const body = await opening(after, signal)
      opened.resolve()
      return body
    },
    signal,
    clock: io.clock,
    onRetry: (text) => printNote(io, `plexctl: ${text}`),
  })
  // What comes while the history is printed waits in the stream, so that nothing is missed between the two.
  const first = events.next()
  await Promise.race([opened.promise, first])
  first.catch(() => {}) // told below, once the history is printed
  const printed = new Set<number>()
  for await (const record of history()) {
    print(record)
    printed.add(record.id)
  }
  for (let next = await first; !next.done; next = await events.next()) {
    const told = parseExact(next.value) as FollowedRecord // the one thing these operations send
    if ('skipped' in told) printNote(io, `plexctl: ${formatSkipped(told)}`)
    else if (!printed.has(told.id)) print(told)
  }
}

type Search = (page: object) => Promise<Answer<Page<TelemetryRecord>>>

interface History {
  query: Record<string, string>
  read(search: Search): AsyncIterable<TelemetryRecord>
}

/** What there is: all of a time, or the last records. */
function historyOf(flags: RecordFlags, nowMs: number): History {
  const isLast = flags.tail !== undefined || (flags.follow && flags.since === undefined)
  if (isLast) {
    const count = flags.tail ?? defaultTail
    return {
      query: { ...timesOf(flags, nowMs), order: 'newest' },
      async *read(search) {
        yield* (await allPages(search, count)).reverse()
      },
    }
  }
  return { query: timesOf({ since: defaultSince, ...flags }, nowMs), read: eachPage }
}

/** Page by page: all of it may be more than fits into memory. */
async function* eachPage(search: Search): AsyncGenerator<TelemetryRecord> {
  for (let after: string | undefined; ; ) {
    const { body } = await search({ limit: '1000', ...(after === undefined ? {} : { after }) })
    yield* body.items
    if (body.next === null) return
    after = body.next
  }
}

function filterOf(node: string | undefined, flags: RecordFlags): Record<string, string> {
  const { unit, severity, type, grep } = flags
  const filter = {
    ...nodesOf(node, flags),
    unit: unit?.join(','),
    severity,
    type: type?.join(','),
    grep,
  }
  return Object.fromEntries(
    Object.entries(filter).filter(([, value]) => value !== undefined),
  ) as Record<string, string> // without those that are undefined
}

function formatSkipped({ skipped: { count, since, until } }: Skipped): string {
  const what = count === null ? 'records' : count === 1 ? '1 record' : `${count} records`
  return `${what} between ${since} and ${until} left out, because they came faster than they were read: --since and --until show them`
}
