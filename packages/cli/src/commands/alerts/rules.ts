import type { AlertRuleView } from '@plexd/protocol'
import { stringify } from 'yaml'
import { type Admin, call, custom, type JsonFlag, noun } from '../../command.ts'
import type { Context } from '../../context.ts'
import { decodeUtf8, quoteFile, readInput } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { type Columns, printDone, printList, printNote } from '../../terminal/output.ts'
import { conditionWords } from './condition-words.ts'
import { parseAlertRule } from './rule-file.ts'

const fileHelp = `
FILE is YAML or JSON, - is standard input:

  selector: role=db           # labels of the nodes; "*" when left out
  when:                       # one of metric, increase, no_data, status, integrity, restarts, drift
    metric:
      name: node_resources.disk_used  # or of a program: shop.orders_open{shop="berlin"}
      of: node_resources.disk_total
      above: 0.8              # or below, or both
  for: 5m                     # how long it has to hold until it fires
  keep_firing: 5m             # how long it must not hold until it is resolved
  severity: warning           # info, warning or critical
`

export const ruleCommands = noun(
  { name: 'rules', description: 'what is worth an alert' },
  custom({
    name: 'list',
    description: 'list alert rules, those that are there by themselves included',
    examples: ['plexctl alerts rules list'],
    run: listRules,
  }),
  call({
    name: 'show',
    description: 'show one alert rule, in a form that `alerts rules put` takes',
    args: [['<name>']],
    examples: ['plexctl alerts rules show disk-nearly-full > rule.yaml'],
    call: (admin: Admin, name: string) => admin.getAlertRule({ params: { alert_rule: name } }),
    document: formatRule,
  }),
  custom({
    name: 'put',
    description: 'create or replace an alert rule',
    args: [['<name>'], ['<file>']],
    help: fileHelp,
    examples: ['plexctl alerts rules put disk-nearly-full rule.yaml'],
    run: putRule,
  }),
  call({
    name: 'remove',
    description: 'delete an alert rule, also one that is there by itself; its alerts are resolved',
    args: [['<name>']],
    examples: ['plexctl alerts rules remove tunnel-stale --yes'],
    asks: (name) => `remove alert rule "${name}"`,
    call: (admin: Admin, name: string) => admin.deleteAlertRule({ params: { alert_rule: name } }),
    text: (_body, name) => `removed "${name}"`,
  }),
  custom({
    name: 'restore',
    description: 'have a rule as it is by itself again, after it was changed or removed',
    args: [['[name]', 'all that were removed when left out']],
    examples: ['plexctl alerts rules restore tunnel-stale', 'plexctl alerts rules restore'],
    run: restoreRules,
  }),
)

async function listRules({ io, connect }: Context, { json }: JsonFlag): Promise<void> {
  const { admin } = await connect()
  const { items, deleted } = (await admin.listAlertRules({})).body
  if (!json && deleted.length > 0)
    printNote(io, `removed, \`plexctl alerts rules restore\`: ${deleted.join(', ')}`)
  printList(io, items, { json, columns })
  // Of the default ones many have nothing to judge in a small installation, as the column says.
  for (const rule of json ? [] : items) if (!rule.is_default) notePending(io, rule)
}

const columns: Columns<AlertRuleView> = [
  'name',
  'severity',
  ['nodes', ({ selector }) => selector],
  ['when', conditionWords],
  ['data', ({ data }) => (data ? `${data.sending} of ${data.nodes}` : '-')],
  ['written by', ({ updated_by }) => updated_by ?? '(default)'],
]

async function putRule(
  { io, connect }: Context,
  name: string,
  file: string,
  { json }: JsonFlag,
): Promise<void> {
  const body = parseAlertRule(decodeUtf8(await readInput(file, io), file), quoteFile(file))
  const { admin } = await connect()
  const answer = await admin.putAlertRule({ params: { alert_rule: name }, body })
  const { name: written, revision } = answer.body
  printDone(io, answer.body, { json, text: `wrote "${written}" revision ${revision}` })
  if (!json) notePending(io, answer.body)
}

async function restoreRules(
  { io, connect }: Context,
  name: string | undefined,
  { json }: JsonFlag,
): Promise<void> {
  const { admin } = await connect()
  const names = name === undefined ? (await admin.listAlertRules({})).body.deleted : [name]
  const restored: AlertRuleView[] = []
  for (const one of names)
    restored.push((await admin.restoreAlertRule({ params: { alert_rule: one } })).body)
  const text = names.map((one) => `"${one}"`).join(', ')
  printDone(io, restored, { json, text: text === '' ? 'none was removed' : `restored ${text}` })
}

/** With what it lacks as a comment, which `put` passes over. */
function formatRule(rule: AlertRuleView): string {
  const { selector, when, for: time, keep_firing, severity } = rule
  const pending = pendingData(rule)
  return `${pending === undefined ? '' : `# ${pending}\n`}${stringify({ selector, when, for: time, keep_firing, severity })}`
}

function notePending(io: Io, rule: AlertRuleView): void {
  const pending = pendingData(rule)
  if (pending !== undefined) printNote(io, `"${rule.name}": ${pending}`)
}

/** That a rule judges nothing, because nobody sends what it is over; undefined if somebody does. */
function pendingData({ data, when: { metric, increase, no_data } }: AlertRuleView) {
  if (!data || data.sending > 0) return undefined
  const name = metric?.name ?? increase?.name ?? no_data?.name ?? ''
  const of = metric?.of === undefined ? '' : ` with ${metric.of} of the same labels`
  return data.nodes === 0
    ? 'pending data: it is for no node'
    : `pending data: no node that it is for sends ${name}${of}`
}
