import { formatDuration, parseDuration, type Session, SessionState } from '@plexd/protocol'
import { printJson } from '@plexd/runtime'
import { type Command, Option } from 'commander'
import { type Admin, addCall, type JsonFlag } from '../../command.ts'
import { allPages, type Context, examples, jsonHelp } from '../../context.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf, type Columns, printItem, printList } from '../../terminal/output.ts'
import { addPlayCommand } from './play.ts'

const sessionArgument = ['<session>', 'its id, as `session list` shows it'] as const

export function addSessionCommands(program: Command, context: Context): void {
  const { io } = context
  const session = program
    .command('session')
    .description('remote sessions on nodes: who has opened which, and what happened in them')
    .addHelpText('after', examples('plexctl session list', 'plexctl session revoke ses_a1b2c3d4'))
  addListCommand(session, context)

  addCall(session, context, {
    name: 'show',
    description: 'show one session',
    args: [sessionArgument],
    examples: ['plexctl session show ses_a1b2c3d4'],
    call: (admin: Admin, id: string) => admin.getSession({ params: { session: id } }),
    print: (shown, json) => printItem(io, shown, { json, lines: linesOf }),
  })

  addCall(session, context, {
    name: 'revoke',
    description: 'cut a session off at once, whatever happens in it',
    args: [sessionArgument],
    examples: ['plexctl session revoke ses_a1b2c3d4 --yes'],
    asks: (id) => `revoke session "${id}"`,
    call: (admin: Admin, id: string) => admin.revokeSession({ params: { session: id } }),
    text: ({ id, node, node_id }) => `revoked "${id}" on ${node} (${node_id})`,
  })

  addPlayCommand(session, context, sessionArgument)
}

interface ListFlags extends JsonFlag {
  node?: string
  state?: SessionState
}

/** Its JSON is an object, unlike that of other lists: scripts were promised its `items`. */
function addListCommand(session: Command, { io, connect }: Context): void {
  session
    .command('list')
    .description('list sessions, newest first')
    .option('--node <node>', 'only those on this node: id or hostname')
    .addOption(new Option('--state <state>', 'only those in it').choices(SessionState.enum))
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples('plexctl session list --state open', 'plexctl session list --node web-01 --json'),
    )
    .action(async ({ json, node, state }: ListFlags) => {
      const { admin } = await connect()
      const items = await allPages((page) =>
        admin.listSessions({ query: { ...page, node, state } }),
      )
      if (json) printJson({ items }, io.stdout)
      else printList(io, items, { json, columns: columnsOf(io) })
    })
}

function columnsOf(io: Io): Columns<Session> {
  return [
    ['id', ({ id }) => id],
    ['node', ({ node }) => node],
    ['login', ({ login }) => login],
    ['operator', ({ user_name }) => user_name],
    ['state', ({ state }) => state],
    ['reason', ({ reason }) => reason ?? '-'],
    ['opened', ({ opened_at }) => ageOf(opened_at, io)],
    ['duration', durationOf],
    ['way', ({ way }) => way],
    ['recording', ({ recording }) => recording],
  ]
}

function linesOf(session: Session): Record<string, string> {
  const { id, node, node_id, state, reason, detail, user_name, user_id, actions, forward } = session
  return {
    id,
    node: `${node} (${node_id})`,
    login: session.login,
    operator: `${user_name} (${user_id})`,
    state: reason === null ? state : `${state}: ${reason}`,
    detail,
    way: session.way,
    listens: session.listen_addr ?? '',
    shell: session.shell ? 'yes' : 'no',
    forwards: forward.join(', '),
    actions: actions.join(', '),
    opened: session.opened_at,
    expires: session.expires_at,
    closed: session.closed_at ?? '',
    duration: durationOf(session, ''),
    'bytes in': countOf(session.bytes_in),
    'bytes out': countOf(session.bytes_out),
    recording: session.recording,
  }
}

/** To the second. */
function durationOf({ duration }: Session, none = '-'): string {
  if (duration === null) return none
  return formatDuration(Math.round(parseDuration(duration) / 1_000) * 1_000)
}

function countOf(bytes: number | null): string {
  return bytes === null ? '' : String(bytes)
}
