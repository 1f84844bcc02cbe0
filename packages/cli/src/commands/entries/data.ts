import { ApiError, JsonText } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import { type Admin, call, custom, list, noun } from '../../command.ts'
import {
  addTargetFlags,
  formatTarget,
  type TargetFlags,
  targetOf,
} from '../../connection/target.ts'
import { allPages, type Context } from '../../context.ts'
import {
  contentTypeOf,
  decodeUtf8,
  isJsonType,
  quoteFile,
  readInput,
} from '../../terminal/input.ts'
import { age, payloadText, printDone } from '../../terminal/output.ts'
import { removeEntry } from './remove-entry.ts'

const reportedHelp = '; also what nodes say of themselves: "reported.os=linux"'

export const dataCommands = noun(
  { name: 'data', description: 'data entries that nodes read', examples: ['plexctl data list'] },
  custom({
    name: 'put',
    description: 'write a data entry',
    args: [['<key>']],
    flags: (command) =>
      addTargetFlags(command, reportedHelp)
        .requiredOption('--file <file>', 'where its content is; - for standard input')
        .option(
          '--content-type <type>',
          'by the extension when left out: .json, .yaml, .yml, .txt, .conf; else application/octet-stream',
        ),
    help: '\nJSON types are sent as the JSON value, all others as a JSON string with the text, so it must be UTF-8.\n',
    examples: [
      'plexctl data put database-config --node web-01 --file db.json',
      'plexctl data put nginx.conf --selector role=web --file nginx.conf',
      "echo '{\"on\":true}' | plexctl data put flags --selector '*' --file - --content-type application/json",
    ],
    run: putData,
  }),
  list({
    description: 'list data entries',
    examples: ['plexctl data list', 'plexctl data list --json'],
    items: (admin: Admin) => allPages((query) => admin.listData({ query })),
    columns: [
      'key',
      ['for', ({ target }) => formatTarget(target)],
      ['type', ({ content_type }) => content_type],
      'version',
      age('updated_at'),
    ],
  }),
  call({
    name: 'show',
    description: 'show one data entry; text output is its payload alone',
    args: [['<key>']],
    flags: (command) => addTargetFlags(command, reportedHelp),
    examples: ['plexctl data show nginx.conf', 'plexctl data show nginx.conf --selector role=web'],
    call: async (admin: Admin, key: string, flags: TargetFlags) => {
      const isNamed = flags.node !== undefined || flags.selector !== undefined
      const query = isNamed ? await targetOf(admin, flags) : {}
      return admin.getData({ params: { key }, query }).catch(adviseTarget)
    },
    document: payloadText,
  }),
  removeEntry({
    of: 'data entry',
    operation: 'deleteData',
    targetHelp: reportedHelp,
    example: 'plexctl data remove nginx.conf --selector role=web --yes',
  }),
)

interface PutFlags extends TargetFlags {
  file: string
  contentType?: string
  json?: boolean
}

async function putData(
  { io, connect }: Context,
  key: string,
  { file, contentType, json, ...flags }: PutFlags,
): Promise<void> {
  const type = contentType ?? contentTypeOf(file)
  const payload = payloadOf(await readInput(file, io), { file, type })
  const { admin } = await connect()
  const target = await targetOf(admin, flags)
  const head = JSON.stringify({ target, content_type: type }).slice(0, -1)
  const { body } = await admin.putData({
    params: { key },
    body: new JsonText(`${head},"payload":${payload}}`),
  })
  printDone(io, body, { json, text: `wrote "${key}" version ${body.version}` })
}

/** A key may have an entry for each of several targets. */
function adviseTarget(error: unknown): never {
  if (!(error instanceof ApiError) || error.status !== 409) throw error
  throw new CliError(`${error.message} with --node or --selector`, exitCodes.usage)
}

/** As JSON text: a JSON file as it is, so that no number of it is rounded, any other as a string. */
function payloadOf(bytes: Uint8Array, { file, type }: { file: string; type: string }): string {
  const text = decodeUtf8(bytes, file)
  if (!isJsonType(type)) return JSON.stringify(text)
  const json = text.replace(/^\ufeff/, '')
  try {
    JSON.parse(json)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CliError(`read ${quoteFile(file)} as ${type}: ${why}`, exitCodes.usage)
  }
  return json
}
