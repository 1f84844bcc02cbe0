import type { Answer } from '@plexd/protocol'
import type { Connection } from './connection/connection.ts'
import type { Flags } from './connection/flags.ts'
import type { Io } from './terminal/io.ts'

/** What is passed to a command. */
export interface Context {
  io: Io
  /** The global flags as typed. */
  flags(): Flags
  /** From flags, environment and config file; throws a CliError if they are incomplete. */
  connect(): Promise<Connection>
}

/** Lines for the end of a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`
}

export const jsonHelp = 'print JSON with the fields of the admin API'

const pageSize = 500

export interface Page<Item> {
  items: Item[]
  next: string | null
}

/** The items of every page of a list, or the first `limit` of them. */
export async function allPages<Item>(
  fetchPage: (query: { limit: string; after?: string }) => Promise<Answer<Page<Item>>>,
  limit = Number.POSITIVE_INFINITY,
): Promise<Item[]> {
  const items: Item[] = []
  let after: string | undefined
  while (items.length < limit) {
    const size = Math.min(pageSize, limit - items.length)
    const { body } = await fetchPage({
      limit: String(size),
      ...(after === undefined ? {} : { after }),
    })
    items.push(...body.items)
    if (body.next === null) break
    if (body.next === after) throw new Error(`read list: page "${after}" leads to itself`)
    after = body.next
  }
  return items.slice(0, limit)
}
