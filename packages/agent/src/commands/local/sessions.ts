import type { NodeSessions } from '@plexd/protocol'
import { formatTable, printable } from '@plexd/runtime'
import { show } from './local.ts'

export const listSessions = show(
  'list sessions',
  (client) => client.listSessions({}),
  formatSessions,
)

/** A table, then why no more are opened. */
function formatSessions({ items, reason }: NodeSessions): string {
  const table =
    items.length === 0
      ? 'no sessions\n'
      : formatTable(
          ['session', 'state', 'operator', 'login', 'way', 'from', 'recorded', 'opened', 'expires'],
          items.map((session) => [
            session.id,
            session.state,
            session.user_name,
            session.login,
            session.way,
            session.from || '-',
            session.recorded ? 'yes' : 'no',
            session.opened_at,
            session.expires_at,
          ]),
        )
  return reason === '' ? table : `${table}${printable(reason)}\n`
}
