import { adminApi } from '@plexd/protocol'
import { custom, noun } from '../../command.ts'
import type { Context } from '../../context.ts'
import { collectText } from '../../terminal/input.ts'
import { formatAudit, formatLog } from './format-record.ts'
import { printRecords, type RecordKind } from './print-records.ts'
import { addLogFlags, addRecordFlags, type RecordFlags } from './record-flags.ts'

const logs: RecordKind = {
  search: (admin, query) => admin.searchLogs({ query }),
  follow: adminApi.followLogs,
  format: formatLog,
}

const audit: RecordKind = {
  search: (admin, query) => admin.searchAudit({ query }),
  follow: adminApi.followAudit,
  format: formatAudit,
}

const rangeHelp = `
Without --since, --tail and --follow: the last hour. With --follow alone: the last 10 records, then what comes.
Times without a zone are of this machine.
`

/** What programs on nodes say. */
export const logsCommand = custom({
  name: 'logs',
  description: 'what programs on nodes write to their logs, oldest first; a line for each record',
  flags: (command) => addLogFlags(addRecordFlags(command)),
  json: false,
  help: rangeHelp,
  examples: [
    'plexctl logs web-01',
    'plexctl logs web-01 -f --unit nginx',
    "plexctl logs -l 'env=prod' --since yesterday --severity warn --grep timeout",
    'plexctl logs web-01 --since "2026-01-02 10:00" --until "2026-01-02 11:00" --json',
  ],
  run: (context: Context, node: string | undefined, flags: RecordFlags) =>
    printRecords(context, logs, node, flags),
})

/** What nodes observe. */
export const auditCommands = noun(
  {
    name: 'audit',
    description: 'who did what',
    examples: ['plexctl audit nodes web-01 --since 1h'],
  },
  custom({
    name: 'nodes',
    description: 'what nodes observed of their users and programs, oldest first',
    flags: (command) =>
      addRecordFlags(command).option(
        '--type <type>',
        'only events of this type; may be repeated',
        collectText,
      ),
    json: false,
    help: rangeHelp,
    examples: [
      'plexctl audit nodes web-01',
      'plexctl audit nodes web-01 -f --grep /etc/shadow',
      "plexctl audit nodes -l '*' --since 1d --type user_login --json",
    ],
    run: (context: Context, node: string | undefined, flags: RecordFlags) =>
      printRecords(context, audit, node, flags),
  }),
)
