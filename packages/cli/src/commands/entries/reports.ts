import type { Answer } from '@plexd/protocol'
import { type Admin, call, type JsonFlag, list, nodeArgument, noun } from '../../command.ts'
import { allPages } from '../../context.ts'
import { age, payloadText } from '../../terminal/output.ts'

export const reportCommands = noun(
  { name: 'report', description: 'what programs on a node report' },
  list({
    description: 'list the report entries of a node',
    args: [nodeArgument],
    examples: ['plexctl report list web-01', 'plexctl report list web-01 --json'],
    items: (admin: Admin, node: string, { json }: JsonFlag) =>
      allPages(async (query) => {
        const page = await admin.listReports({ params: { node }, query })
        return json ? page : withoutPayloads(page)
      }),
    columns: [
      'key',
      ['type', ({ content_type }) => content_type],
      'version',
      age('updated_at'),
      ['written by', ({ written_by }) => writerOf(written_by)],
    ],
  }),
  call({
    name: 'show',
    description: 'show one report entry; text output is its payload alone',
    args: [nodeArgument, ['<key>']],
    examples: ['plexctl report show web-01 app-health'],
    call: (admin: Admin, node: string, key: string) => admin.getReport({ params: { node, key } }),
    document: payloadText,
  }),
)

/** A node identifies writers by uid; a writer over TCP has only shown that it holds the token. */
function writerOf(written_by: string | undefined): string {
  if (written_by === undefined) return '-'
  return written_by === 'tcp' ? 'TCP, whoever holds the token' : `user ${written_by}`
}

/** Payloads may be half a gigabyte in total, and a table does not show them. */
function withoutPayloads<Item extends { payload: unknown }>(
  page: Answer<{ items: Item[]; next: string | null }>,
): typeof page {
  const { items, next } = page.body
  return { ...page, body: { items: items.map((item) => ({ ...item, payload: null })), next } }
}
