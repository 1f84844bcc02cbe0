import { adminApi, type EventRecord, fillPath } from '@plexd/protocol'
import { jsonText, parseExact, printable } from '@plexd/runtime'
import { custom, type JsonFlag, nodeArgument, noun } from '../../command.ts'
import type { Context } from '../../context.ts'
import { printNote } from '../../terminal/output.ts'
import { followEvents } from './event-stream.ts'

const payloadHelp = `
The log keeps no policies, entries or secrets: an event about those says only that they are others from then on. Such a
line is marked "(as of now)", and its payload is what the node would be told now, however old the event is.
`

export const eventCommands = noun(
  { name: 'event', description: 'what nodes are told' },
  custom({
    name: 'tail',
    description:
      'follow the events that a node is sent, until Ctrl-C; payloads have no secrets in them',
    args: [nodeArgument],
    flags: (command) =>
      command.option('--after <id>', 'start behind this id; 0 is the whole log; now when left out'),
    json: 'print a JSON object on a line for each event',
    help: payloadHelp,
    examples: ['plexctl event tail web-01', 'plexctl event tail web-01 --after 0 --json'],
    run: tailEvents,
  }),
)

async function tailEvents(
  { io, connect }: Context,
  node: string,
  { after, json }: JsonFlag & { after?: string },
): Promise<void> {
  const signal = io.interrupted()
  const { open } = await connect()
  const path = fillPath(adminApi.tailEvents.path, { node })
  const events = followEvents({
    open: (last) => open({ ...tail, path: path + queryOf(last), signal }),
    signal,
    clock: io.clock,
    onRetry: (text) => printNote(io, `plexctl: ${text}`),
    ...(after === undefined ? {} : { after }),
  })
  for await (const data of events) {
    const record = parseExact(data) as EventRecord // the one thing this operation sends
    io.stdout.write(`${json ? jsonText(record) : printable(formatEventRecord(record))}\n`)
  }
}

const tail = { method: adminApi.tailEvents.method, headers: { accept: 'text/event-stream' } }

function queryOf(after: string | undefined): string {
  return after === undefined ? '' : `?${new URLSearchParams({ after })}`
}

function formatEventRecord(record: EventRecord): string {
  const { created_at, id, event_type, payload_of, payload } = record
  const mark = payload_of === 'now' ? ' (as of now)' : ''
  return `${created_at}  ${id}  ${event_type}${mark}  ${jsonText(payload)}`
}
