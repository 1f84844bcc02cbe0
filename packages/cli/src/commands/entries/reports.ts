import type { Answer } from '@plexd/protocol'
import { jsonText, printJson } from '@plexd/runtime'
import type { Command } from 'commander'
import { allPages, type Context, examples, jsonHelp } from '../../context.ts'
import { ageOf, printList, printText } from '../../terminal/output.ts'

export function addReportCommands(program: Command, { io, connect }: Context): void {
  const report = program
    .command('report')
    .description('what programs on a node report')
    .addHelpText('after', examples('plexctl report list web-01'))

  report
    .command('list')
    .description('list the report entries of a node')
    .argument('<node>', 'id or hostname')
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples('plexctl report list web-01', 'plexctl report list web-01 --json'),
    )
    .action(async (node: string, { json }: { json?: boolean }) => {
      const { admin } = await connect()
      const entries = await allPages(async (query) => {
        const page = await admin.listReports({ params: { node }, query })
        return json ? page : withoutPayloads(page)
      })
      printList(io, entries, {
        json,
        columns: [
          ['key', ({ key }) => key],
          ['type', ({ content_type }) => content_type],
          ['version', ({ version }) => String(version)],
          ['updated', ({ updated_at }) => ageOf(updated_at, io)],
          ['written by', ({ written_by }) => writerOf(written_by)],
        ],
      })
    })

  report
    .command('show')
    .description('show one report entry; text output is its payload alone')
    .argument('<node>', 'id or hostname')
    .argument('<key>')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl report show web-01 app-health'))
    .action(async (node: string, key: string, { json }: { json?: boolean }) => {
      const { admin } = await connect()
      const { body } = await admin.getReport({ params: { node, key } })
      if (json) return printJson(body, io.stdout)
      const { payload } = body
      printText(io, typeof payload === 'string' ? payload : jsonText(payload, 2))
    })
}

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
