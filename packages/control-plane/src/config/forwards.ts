import { checkSelector, nearest, parseSelector, type TelemetryKind } from '@plexd/protocol'

/** Where telemetry is passed on to, by its protocol, and which kinds of records each takes. */
export const forwardKinds = {
  otlp: ['metrics', 'logs', 'audit'],
  loki: ['logs', 'audit'],
  'remote-write': ['metrics'],
} as const satisfies Record<string, readonly TelemetryKind[]>

export type ForwardKind = keyof typeof forwardKinds

/** One of the list under `forwards:` in the file. */
export interface ForwardSettings {
  name: string
  kind: ForwardKind
  /** Of OTLP without the path of the signal; of the others as it is. */
  url: string
  /** Header -> the file that holds its value, read for each request; so that no secret is in the settings. */
  headerFiles: Readonly<Record<string, string>>
  /** PEM file with the authority to trust instead of the system's. */
  caFile: string | undefined
  /** The name of the only tenant whose records are passed on. */
  tenant: string | undefined
  records: readonly TelemetryKind[]
  /** The labels of the only nodes whose records are passed on. */
  selector: string | undefined
}

/** Throws an error that names the forward and the setting. Values that may hold a secret are not in it. */
export function readForwards(given: unknown): readonly ForwardSettings[] {
  if (given === undefined || given === null) return []
  if (!Array.isArray(given)) throw new Error('read config: "forwards" wants a list of mappings')
  const forwards = given.map(readForward)
  const names = forwards.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) < at)
  if (twice !== undefined)
    throw new Error(`read config: forwards: the name "${twice}" is there twice`)
  return forwards
}

const keys = ['name', 'kind', 'url', 'header_files', 'ca_file', 'tenant', 'kinds', 'selector']

function readForward(given: unknown, at: number): ForwardSettings {
  const fault = (text: string): Error => new Error(`read config: forwards.${at}: ${text}`)
  if (!isMapping(given)) throw fault('want a mapping')
  const unknown = Object.keys(given).find((key) => !keys.includes(key))
  if (unknown !== undefined) {
    const meant = nearest(unknown, keys)
    throw fault(
      `there is no "${unknown}"${meant === undefined ? '' : `: did you mean "${meant}"?`}`,
    )
  }
  const text = (key: string): string | undefined => {
    const value = given[key] ?? undefined
    if (value === undefined) return undefined
    if (typeof value !== 'string' || value === '') throw fault(`"${key}" wants a text`)
    return value
  }
  const name = text('name') ?? ''
  if (!/^[a-z0-9][a-z0-9_.-]{0,62}$/.test(name))
    throw fault(`name "${name}": want 1 to 63 of a-z, 0-9, ".", "_" and "-"`)
  try {
    const kind = readKind(text('kind'))
    return {
      name,
      kind,
      url: readUrl(text('url')),
      headerFiles: readHeaderFiles(given.header_files),
      caFile: text('ca_file'),
      tenant: text('tenant'),
      records: readRecords(kind, given.kinds),
      selector: readSelector(text('selector')),
    }
  } catch (error) {
    throw new Error(`read config: forward "${name}": ${(error as Error).message}`) // all of ours
  }
}

function readKind(text = ''): ForwardKind {
  const kinds = Object.keys(forwardKinds) as ForwardKind[] // the keys of the table
  const kind = kinds.find((one) => one === text)
  if (!kind) throw new Error(`kind "${text}": want ${kinds.join(', ')}`)
  return kind
}

function readUrl(text = ''): string {
  const url = URL.parse(text)
  if (url && (url.username !== '' || url.password !== ''))
    throw new Error('url: it holds credentials: put them into a file, and that into header_files')
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Error(`url "${text}": want http:// or https:// and a host`)
  return text
}

/** Those that we send by ourselves. */
const ownHeaders = /^(host|content-(length|type|encoding)|transfer-encoding|connection)$/i

function readHeaderFiles(given: unknown): Readonly<Record<string, string>> {
  if (given === undefined || given === null) return {}
  if (!isMapping(given)) throw new Error('header_files wants a mapping of headers to files')
  const pairs = Object.entries(given).map(([header, file]) => {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header) || ownHeaders.test(header))
      throw new Error(`header_files: "${header}" is no header that can be set`)
    if (typeof file !== 'string' || !file.startsWith('/'))
      throw new Error(`header_files: "${header}" wants the absolute path of a file with its value`)
    return [header.toLowerCase(), file] as const
  })
  return Object.fromEntries(pairs)
}

function readRecords(kind: ForwardKind, given: unknown): readonly TelemetryKind[] {
  const known: readonly TelemetryKind[] = forwardKinds[kind]
  if (given === undefined || given === null) return known
  if (!Array.isArray(given) || given.length === 0)
    throw new Error(`kinds wants a list of ${known.join(', ')}`)
  const unknown = given.find((one) => !known.includes(one))
  if (unknown !== undefined)
    throw new Error(`kinds: "${String(unknown)}": ${kind} takes ${known.join(', ')}`)
  return known.filter((one) => given.includes(one))
}

function readSelector(text: string | undefined): string | undefined {
  if (text !== undefined && text !== '*') checkSelector(parseSelector(text), { reported: true })
  return text === '*' ? undefined : text
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
