import type { AdminApi, Answer, Client } from '@plexd/protocol'
import { addYesFlag, confirm } from '@plexd/runtime'
import type { Command } from 'commander'
import { type Context, examples, jsonHelp } from './context.ts'
import { type Columns, printDone, printList } from './terminal/output.ts'

/** Annotate it in `call` and `items`: what they take and return is inferred for the rest of the row. */
export type Admin = Client<AdminApi>

export interface JsonFlag {
  json?: boolean
}

/** For `args`. */
export const nodeArgument = ['<node>', 'id or hostname'] as const

type Arg = readonly [
  name: string,
  help?: string,
  parse?: (text: string, previous: never) => unknown,
]

/** What the commands below have in common. `Given` are the arguments as typed, with an object of the flags behind them. */
interface Row {
  name: string
  description: string
  /** As commander takes them: name, help, parser. */
  args?: readonly Arg[]
  /** Adds the flags that only this command takes. */
  flags?: (command: Command) => Command
  examples: readonly string[]
}

interface CallRow<Body, Given extends unknown[]> extends Row {
  /** The question in front of what cannot be undone; gives the command its `--yes`. */
  asks?: (...given: Given) => string
  call: (admin: Admin, ...given: Given) => Promise<Answer<Body>>
  /** What was done, in one sentence, unless `print` says it otherwise. */
  text?: (body: Body, ...given: Given) => string
  print?: (body: Body, json: boolean | undefined, ...given: Given) => void
}

/** A command that calls one operation. */
export function addCall<Body, Given extends unknown[]>(
  parent: Command,
  { io, connect }: Context,
  row: CallRow<Body, Given>,
): void {
  const { asks, call, text, print } = row
  const command = addRow(parent, row)
  if (asks) addYesFlag(command)
  finish<Given>(command, row, async ({ json, yes }, given) => {
    const { admin } = await connect()
    if (asks) await confirm(io, { what: asks(...given), yes })
    const { body } = await call(admin, ...given)
    if (print) print(body, json, ...given)
    else printDone(io, body, { json, text: text?.(body, ...given) ?? '' })
  })
}

interface ListRow<Item, Given extends unknown[]> extends Omit<Row, 'name'> {
  /** `list` when left out. */
  name?: string
  items: (admin: Admin, ...given: Given) => Promise<readonly Item[]>
  columns: Columns<Item>
  /** Lines below the table. */
  notes?: (items: readonly Item[]) => void
}

/** A command that prints a table, or a JSON array. */
export function addList<Item, Given extends unknown[]>(
  parent: Command,
  { io, connect }: Context,
  row: ListRow<Item, Given>,
): void {
  finish<Given>(addRow(parent, { name: 'list', ...row }), row, async ({ json }, given) => {
    const { admin } = await connect()
    const items = await row.items(admin, ...given)
    printList(io, items, { json, columns: row.columns })
    if (!json) row.notes?.(items)
  })
}

function addRow(parent: Command, { name, description, args = [], flags }: Row): Command {
  const command = parent.command(name).description(description)
  for (const arg of args) command.argument(...arg)
  return flags?.(command) ?? command
}

function finish<Given extends unknown[]>(
  command: Command,
  { examples: lines }: Pick<Row, 'examples'>,
  run: (flags: JsonFlag & { yes?: boolean }, given: Given) => Promise<void>,
): void {
  command
    .option('--json', jsonHelp)
    .addHelpText('after', examples(...lines))
    .action((...given) => run(command.opts(), given as unknown as Given)) // as the row declares them
}
