import type { AdminApi, Answer, Client } from '@plexd/protocol'
import { addYesFlag, confirm } from '@plexd/runtime'
import type { Command, CommandOptions } from 'commander'
import { type Context, examples, jsonHelp } from './context.ts'
import type { Io } from './terminal/io.ts'
import {
  type Columns,
  type Lines,
  printDone,
  printItem,
  printList,
  printNote,
  printShown,
} from './terminal/output.ts'

/** Annotate it in `call` and `items`: what they take and return is inferred for the rest of the row. */
export type Admin = Client<AdminApi>

export interface JsonFlag {
  json?: boolean
}

/** For `args`. */
export const nodeArgument = ['<node>', 'id or hostname'] as const

/** A command, or a noun with commands. */
export interface Entry {
  /** To what it is under. */
  add(parent: Command, context: Context): void
  /** A line for the help of a noun. */
  example: string
}

interface Head {
  name: string
  alias?: string
  description: string
  /** That of the first command when left out. */
  examples?: readonly string[]
}

/** A noun, with its commands under it. */
export function noun(
  { name, alias, description, examples: lines }: Head,
  ...entries: readonly [Entry, ...Entry[]]
): Entry {
  const [{ example }] = entries
  return {
    example: lines?.[0] ?? example,
    add(parent, context) {
      const command = parent.command(name).description(description)
      if (alias !== undefined) command.alias(alias)
      command.addHelpText('after', examples(...(lines ?? [example])))
      for (const entry of entries) entry.add(command, context)
    },
  }
}

type Arg = readonly [
  name: string,
  help?: string,
  parse?: (text: string, previous: never) => unknown,
]

/** What all commands have in common. `Given` are the arguments as typed, with an object of the flags behind them. */
interface Row {
  name: string
  description: string
  examples: readonly [string, ...string[]]
  /** As commander takes them: name, help, parser. */
  args?: readonly Arg[]
  /** Adds what only this command takes. */
  flags?: ((command: Command) => Command) | undefined
  options?: CommandOptions
  /** Help of `--json`, where it is not that of most; `false`: nothing is printed that it could be. */
  json?: string | false
  /** Help above the examples. */
  help?: string
  /** Help below them. */
  footer?: string
}

interface CallRow<Body, Given extends unknown[]> extends Row {
  /** The question in front of what cannot be undone, undefined for none; gives the command its `--yes`. */
  asks?: (...given: Given) => string | undefined
  call: (admin: Admin, ...given: Given) => Promise<Answer<Body>>
  /** One of these four says how it is shown without `--json`. What was done, in one sentence: */
  text?: (body: Body, ...given: Given) => string
  /** Named values. */
  lines?: Lines<Body>
  /** Text of several lines. */
  document?: (body: Body) => string
  print?: (io: Io, body: Body, json: boolean | undefined, ...given: Given) => void
  /** For the person at the terminal, behind `text`. */
  note?: (body: Body) => string
}

/** A command that calls one operation. */
export function call<Body, Given extends unknown[]>(row: CallRow<Body, Given>): Entry {
  const { asks, flags, lines, document, print } = row
  const withYes = (command: Command): Command => addYesFlag(flags?.(command) ?? command)
  const common = { ...row, flags: asks ? withYes : flags }
  return entry<Given>(common, async ({ io, connect }, { json, yes }, ...given) => {
    const { admin } = await connect()
    const what = asks?.(...given)
    if (what !== undefined) await confirm(io, { what, yes })
    const { body } = await row.call(admin, ...given)
    if (print) print(io, body, json, ...given)
    else if (lines) printItem(io, body, { json, lines })
    else if (document) printShown(io, body, { json, text: () => document(body) })
    else printDone(io, body, { json, text: row.text?.(body, ...given) ?? '' })
    if (row.note && !json) printNote(io, row.note(body))
  })
}

interface ListRow<Item, Given extends unknown[]> extends Omit<Row, 'name'> {
  /** `list` when left out. */
  name?: string
  items: (admin: Admin, ...given: Given) => Promise<readonly Item[]>
  columns: Columns<NoInfer<Item>>
  /** Lines below the table. */
  notes?: (io: Io, items: readonly Item[]) => void
}

/** A command that prints a table, or a JSON array. */
export function list<Item, Given extends unknown[]>(row: ListRow<Item, Given>): Entry {
  return entry<Given>({ name: 'list', ...row }, async ({ io, connect }, { json }, ...given) => {
    const { admin } = await connect()
    const items = await row.items(admin, ...given)
    printList(io, items, { json, columns: row.columns })
    if (!json) row.notes?.(io, items)
  })
}

/** A command that goes its own way. */
export function custom<Given extends unknown[]>(
  row: Row & { run: (context: Context, ...given: Given) => void | Promise<void> },
): Entry {
  return entry<Given>(row, (context, _flags, ...given) => row.run(context, ...given))
}

function entry<Given extends unknown[]>(
  { name, description, args = [], options = {}, flags, json = jsonHelp, ...row }: Row,
  run: (
    context: Context,
    flags: JsonFlag & { yes?: boolean },
    ...given: Given
  ) => void | Promise<void>,
): Entry {
  return {
    example: row.examples[0],
    add(parent, context) {
      const command = parent.command(name, options).description(description)
      for (const arg of args) command.argument(...arg)
      flags?.(command)
      if (json !== false) command.option('--json', json)
      command.addHelpText('after', (row.help ?? '') + examples(...row.examples))
      if (row.footer !== undefined) command.addHelpText('after', row.footer)
      // As the row declares them.
      command.action((...given) => run(context, command.opts(), ...(given as unknown as Given)))
    },
  }
}
