import { formatDuration, parseDuration, type Session, SessionState } from '@plexd/protocol'
import { printJson } from '@plexd/runtime'
import { Option } from 'commander'
import { type Admin, call, custom, type JsonFlag, noun } from '../../command.ts'
import { allPages, type Context } from '../../context.ts'
import { age, type Columns, printList } from '../../terminal/output.ts'
import { sessionArgument } from './flags.ts'
import { playCommand } from './play.ts'

export const sessionCommands = noun(
  {
    name: 'session',
    description: 'remote sessions on nodes: who has opened which, and what happened in them',
    examples: ['plexctl session list', 'plexctl session revoke ses_a1b2c3d4'],
  },
  custom({
    name: 'list',
    description: 'list sessions, newest first',
    flags: (command) =>
      command
        .option('--node <node>', 'only those on this node: id or hostname')
        .addOption(new Option('--state <state>', 'only those in it').choices(SessionState.enum)),
    examples: ['plexctl session list --state open', 'plexctl session list --node web-01 --json'],
    run: listSessions,
  }),
  call({
    name: 'show',
    description: 'show one session',
    args: [sessionArgument],
    examples: ['plexctl session show ses_a1b2c3d4'],
    call: (admin: Admin, id: string) => admin.getSession({ params: { session: id } }),
    lines: linesOf,
  }),
  call({
    name: 'revoke',
    description: 'cut a session off at once, whatever happens in it',
    args: [sessionArgument],
    examples: ['plexctl session revoke ses_a1b2c3d4 --yes'],
    asks: (id) => `revoke session "${id}"`,
    call: (admin: Admin, id: string) => admin.revokeSession({ params: { session: id } }),
    text: ({ id, node, node_id }) => `revoked "${id}" on ${node} (${node_id})`,
  }),
  playCommand,
)

interface ListFlags extends JsonFlag {
  node?: string
  state?: SessionState
}

/** Its JSON is an object, unlike that of other lists: scripts were promised its `items`. */
async function listSessions(
  { io, connect }: Context,
  { json, node, state }: ListFlags,
): Promise<void> {
  const { admin } = await connect()
  const items = await allPages((page) => admin.listSessions({ query: { ...page, node, state } }))
  if (json) printJson({ items }, io.stdout)
  else printList(io, items, { json, columns })
}

const columns: Columns<Session> = [
  'id',
  'node',
  'login',
  ['operator', ({ user_name }) => user_name],
  'state',
  'reason',
  age('opened_at'),
  ['duration', (session) => durationOf(session)],
  'way',
  'recording',
]

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
