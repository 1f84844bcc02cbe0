import {
  formatAge,
  formatTable,
  jsonText,
  printable,
  printableLines,
  printJson,
} from '@plexd/runtime'
import type { Io, Output } from './io.ts'

/** A key of the items, which is the heading too, or how else a value is read; `-` for what is not there. */
export type Columns<Item> = readonly (PlainKey<Item> | Column<Item>)[]

type Column<Item> = readonly [heading: string, value: (item: Item, io: Io) => string]

type PlainKey<Item> = {
  [Key in keyof Item & string]-?: Item[Key] extends Plain ? Key : never
}[keyof Item & string]

type Plain = string | number | null | undefined

/** The column `created` of `created_at`: how long ago that was. */
export function age<Name extends string>(
  key: `${Name}_at`,
): Column<Readonly<Record<`${Name}_at`, string | null>>> {
  return [headingOf(key.slice(0, -'_at'.length)), ({ [key]: time }, io) => ageOf(time, io)]
}

/** Named values of an item; an empty one has no line. */
export type Lines<Item> = (item: Item, io: Io) => Record<string, string>

/** A JSON array, or a table. */
export function printList<Item>(
  io: Io,
  items: readonly Item[],
  { json, columns }: { json: boolean | undefined; columns: Columns<Item> },
): void {
  if (json) printItems(io.stdout, items)
  else io.stdout.write(tableOf(io, items, columns))
}

/** Like `printJson`, but item by item: the whole list may be longer than a string can be. */
function printItems(stdout: Output, items: readonly unknown[]): void {
  if (items.length === 0) return void stdout.write('[]\n')
  for (const [at, item] of items.entries()) {
    const text = jsonText(item, 2).replaceAll('\n', '\n  ')
    stdout.write(`${at === 0 ? '[' : ','}\n  ${text}`)
  }
  stdout.write('\n]\n')
}

/** A JSON object, or a line for each named value. */
export function printItem<Item>(
  io: Io,
  item: Item,
  { json, lines }: { json: boolean | undefined; lines: Lines<Item> },
): void {
  if (json) printJson(item, io.stdout)
  else for (const line of namedLines(lines(item, io))) io.stdout.write(line)
}

/** A JSON object, or one sentence, with the warnings of the answer on stderr. */
export function printDone(
  io: Io,
  answer: unknown,
  { json, text }: { json: boolean | undefined; text: string },
): void {
  if (json) return void printJson(answer, io.stdout)
  io.stdout.write(`${printable(text)}\n`)
  const { warnings = [] } = answer as { warnings?: readonly string[] } // of those that change something
  printWarnings(io, warnings)
}

/** A JSON object, or text of several lines. */
export function printShown(
  io: Io,
  answer: unknown,
  { json, text }: { json: boolean | undefined; text: () => string },
): void {
  if (json) printJson(answer, io.stdout)
  else printText(io, text())
}

/** The payload of an entry as text: a string as it is, anything else as JSON. */
export function payloadText({ payload }: { payload?: unknown }): string {
  return typeof payload === 'string' ? payload : jsonText(payload, 2)
}

/** A line for the person at the terminal, apart from the output. */
export function printNote({ stderr }: Io, text: string): void {
  stderr.write(`${printable(text)}\n`)
}

/** Warnings about a change that was made, on stderr. */
export function printWarnings({ stderr }: Io, warnings: readonly string[]): void {
  for (const warning of warnings) stderr.write(`warning: ${printable(warning)}\n`)
}

/** Multi-line text, such as the output of a program on a node: line breaks and tabs are kept. */
export function printText({ stdout }: Io, text: string): void {
  const lines = text.replaceAll('\r\n', '\n')
  stdout.write(printableLines(lines.endsWith('\n') ? lines : `${lines}\n`))
}

/** `5m` for a timestamp five minutes ago, `-` for none. */
export function ageOf(timestamp: string | null, { clock }: Io): string {
  const fromMs = timestamp === null ? Number.NaN : Date.parse(timestamp)
  return Number.isNaN(fromMs) ? '-' : formatAge(fromMs, clock.now())
}

/** `env=prod,region=eu`, sorted. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',')
}

/** A progress line that each update replaces on a terminal; nothing anywhere else. */
export function startProgress(stderr: Output): Disposable & { update(text: string): void } {
  const clear = '\r\u001b[K'
  return {
    update(text) {
      if (stderr.isTTY) stderr.write(clear + printable(text))
    },
    [Symbol.dispose]() {
      if (stderr.isTTY) stderr.write(clear)
    },
  }
}

function tableOf<Item>(io: Io, items: readonly Item[], columns: Columns<Item>): string {
  const all = columns.map((column) => (typeof column === 'string' ? plain(column) : column))
  return formatTable(
    all.map(([heading]) => heading),
    items.map((item) => all.map(([, value]) => value(item, io))),
  )
}

function plain<Item>(key: PlainKey<Item>): Column<Item> {
  return [headingOf(key), (item) => String(item[key] ?? '-')]
}

function headingOf(key: string): string {
  return key.replaceAll('_', ' ')
}

function namedLines(values: Record<string, string>): string[] {
  const shown = Object.entries(values).filter(([, value]) => value !== '')
  const width = Math.max(...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${printable(value)}\n`)
}
