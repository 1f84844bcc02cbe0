import { text as readAll } from 'node:stream/consumers'
import {
  CliError,
  exitCodes,
  formatTable,
  jsonText,
  printable,
  printableLines,
  printJson,
} from '@plexd/runtime'
import { maxBodyBytes } from '../../local-api/requests/report-body.ts'
import { describeWriter, readUsers } from '../../local-api/requests/users.ts'
import type { Flags } from '../given/flags.ts'
import { callLocal } from './local.ts'

interface Options {
  json?: boolean
}

/** All keys, by kind. */
export async function showState(flags: Flags, { json }: Options): Promise<void> {
  const body = await callLocal(flags, 'read state', async (client) => ({
    ...(await client.getLocalState({})).body,
    report_keys: (await client.listWriters({})).body,
  }))
  if (json) return printJson(body)
  const users = await readUsers()
  const rows = [
    ...Object.entries(body.metadata).map(([key, value]) => ['metadata', key, '', value]),
    ...body.data_keys.map(({ key, version, content_type }) => [
      'data',
      key,
      String(version),
      content_type,
    ]),
    ...body.secret_keys.map(({ key, version }) => ['secret', key, String(version), '']),
    ...body.report_keys.map(({ key, version, written_by }) => [
      'report',
      key,
      String(version),
      describeWriter(written_by, users),
    ]),
  ]
  process.stdout.write(formatTable(['kind', 'key', 'version', 'value'], rows))
}

/** One entry: its raw value, for use in scripts; with all fields as JSON. Without a key, the list of keys. */
export async function getEntry(
  flags: Flags,
  { json, kind, key }: Options & { kind: string; key?: string },
): Promise<void> {
  if (key === undefined) return listKeys(flags, kind, json)
  const entry = await callLocal(flags, `read ${kind} "${key}"`, async (client) => {
    const input = { params: { key } }
    if (kind === 'metadata') return (await client.getMetadata(input)).body
    if (kind === 'secret') return (await client.getSecretValue(input)).body
    if (kind === 'data') return (await client.getData(input)).body
    return (await client.getReport(input)).body
  })
  if (json) return printJson(entry)
  const value = 'payload' in entry ? entry.payload : entry.value
  process.stdout.write(typeof value === 'string' ? forReader(value) : `${jsonText(value, 2)}\n`)
}

async function listKeys(flags: Flags, kind: string, json: boolean | undefined): Promise<void> {
  const keys = await callLocal(flags, `list ${kind}`, async (client) => {
    if (kind === 'metadata') return (await client.listMetadata({})).body
    if (kind === 'secret') return (await client.listSecrets({})).body
    if (kind === 'data') return (await client.listData({})).body
    return (await client.listReports({})).body
  })
  if (json) return printJson(keys)
  const names = Array.isArray(keys) ? keys.map((item) => item.key) : Object.keys(keys)
  process.stdout.write(names.map((name) => `${printable(name)}\n`).join(''))
}

export async function putReport(
  flags: Flags,
  options: Options & { key: string; data: string; contentType: string; ifMatch?: string },
): Promise<void> {
  const { key, contentType, ifMatch } = options
  const payload = parsePayload(options.data === '-' ? await readAll(process.stdin) : options.data)
  checkSize({ content_type: contentType, payload })
  const { body } = await callLocal(flags, `write report "${key}"`, (client) =>
    client.putReport({
      params: { key },
      body: { content_type: contentType, payload },
      headers: ifMatch === undefined ? {} : { 'if-match': ifMatch },
    }),
  )
  if (options.json) printJson(body)
  else process.stdout.write(`report ${printable(key)} written, version ${body.version}\n`)
}

export async function deleteReport(
  flags: Flags,
  { key, json }: Options & { key: string },
): Promise<void> {
  await callLocal(flags, `delete report "${key}"`, (client) =>
    client.deleteReport({ params: { key } }),
  )
  if (json) printJson({ key, deleted: true })
  else process.stdout.write(`report ${printable(key)} deleted\n`)
}

function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CliError(`--data: want JSON, a text in its own quotes: ${why}`, exitCodes.usage)
  }
}

/** Checked here, because the daemon's answer would only say that it is not JSON. */
function checkSize(body: { content_type: string; payload: unknown }): void {
  const bytes = Buffer.byteLength(JSON.stringify(body))
  if (bytes <= maxBodyBytes) return
  throw new CliError(
    `--data: ${bytes} bytes: a report entry has at most ${maxBodyBytes}: send less, or in several entries`,
    exitCodes.usage,
  )
}

/** On a terminal, control characters are escaped and a newline is added; a pipe gets the value unchanged. */
function forReader(text: string): string {
  if (!process.stdout.isTTY) return text
  return printableLines(text.endsWith('\n') ? text : `${text}\n`)
}
