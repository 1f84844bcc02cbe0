import type { AlertSilence } from '@plexd/protocol'
import { type Admin, call, list, noun } from '../../command.ts'
import { allPages } from '../../context.ts'
import { durationFlag, selectorFlag } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf } from '../../terminal/output.ts'

interface SilenceFlags {
  rule?: string
  node?: string
  selector?: string
  for: string
  reason: string
}

export const silenceCommand = call({
  name: 'silence',
  description: 'tell webhooks nothing of some alerts for a while; they are listed all the same',
  flags: (command) =>
    command
      .option('--rule <name>', 'of this rule')
      .option('--node <node>', 'of this node, by id or hostname')
      .option('-l, --selector <selector>', 'of nodes with these labels, "*" for all', selectorFlag)
      .requiredOption('--for <duration>', 'for how long, such as 2h', durationFlag)
      .requiredOption('--reason <text>', 'for whoever wonders'),
  examples: [
    'plexctl alerts silence --node web-01 --for 2h --reason "new disk"',
    'plexctl alerts silence --rule node-silent -l site=lab --for 8h --reason "power cut on Saturday"',
  ],
  call: (admin: Admin, { rule, node, selector, for: time, reason }: SilenceFlags) =>
    admin.createAlertSilence({ body: { rule, node, selector, for: time, reason } }),
  text: ({ id, ends_at }) => `silenced until ${ends_at} by "${id}"`,
})

export const silenceCommands = noun(
  { name: 'silences', description: 'which alerts webhooks are not told of' },
  list({
    description: 'list silences, newest first',
    examples: ['plexctl alerts silences list'],
    items: (admin: Admin) => allPages((query) => admin.listAlertSilences({ query })),
    columns: [
      'id',
      ['rule', ({ rule }) => rule ?? '*'],
      ['nodes', ({ node, node_id, selector }) => (node || node_id) ?? selector ?? '*'],
      ['ends', endOf],
      ['by', ({ created_by }) => created_by],
      'reason',
    ],
  }),
  call({
    name: 'end',
    description: 'end a silence before its time',
    args: [['<id>', 'its id, as `alerts silences list` shows it']],
    examples: ['plexctl alerts silences end sil_a1b2c3d4 --yes'],
    asks: (id) => `end silence "${id}"`,
    call: (admin: Admin, id: string) => admin.endAlertSilence({ params: { alert_silence: id } }),
    text: (_body, id) => `ended "${id}"`,
  }),
)

function endOf({ ends_at, ended_by }: AlertSilence, io: Io): string {
  if (ended_by !== null) return `ended by ${ended_by}`
  return Date.parse(ends_at) > io.clock.now() ? ends_at : `${ageOf(ends_at, io)} ago`
}
