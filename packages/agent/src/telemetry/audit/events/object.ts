/** What an event was done to. Pure. */
import { posix } from 'node:path'
import { cutUtf8 } from '@plexd/runtime'
import { type AuditLine, fieldsOf } from './audit-line.ts'

/** Of a command that was executed. */
const maxArgumentBytes = 2 * 1024
const maxPaths = 8

export interface AuditObject {
  path?: string
  /** If there is more than one, as of a file that is renamed. */
  paths?: string[]
  /** Of a command, its name first. */
  args?: string
  /** The other end of a connection. */
  address?: string
  [name: string]: string | string[] | undefined
}

export function objectOf(
  lines: readonly AuditLine[],
  redact: (text: string) => string,
): AuditObject {
  const args = argumentsOf(lines)
  const paths = pathsOf(lines).slice(0, args === undefined ? maxPaths : 1)
  const address = lines.flatMap((line) => addressOf(line) ?? []).at(0)
  const [path] = paths
  return {
    ...namedIn(lines[0]),
    ...(path === undefined ? {} : { path }),
    ...(paths.length > 1 ? { paths } : {}),
    ...(args === undefined ? {} : { args: redact(args) }),
    ...(address === undefined ? {} : { address }),
  }
}

/** Without the folders that contain them; of a command, without the loader. */
function pathsOf(lines: readonly AuditLine[]): string[] {
  const folder = lines
    .filter(({ type }) => type === 'CWD')
    .map((line) => fieldsOf(line).get('cwd'))
    .at(0)
  const items = lines.filter(({ type }) => type === 'PATH').map(fieldsOf)
  const own = items.filter((fields) => fields.get('nametype') !== 'PARENT')
  const names = (own.length > 0 ? own : items).flatMap((fields) => fields.get('name') ?? [])
  return [...new Set(names.map((name) => posix.resolve('/', folder ?? '', name)))]
}

function argumentsOf(lines: readonly AuditLine[]): string | undefined {
  const commands = lines.filter(({ type }) => type === 'EXECVE')
  if (commands.length === 0) return undefined
  let args = ''
  let last = ''
  for (const [key, value] of commands.flatMap((line) => [...fieldsOf(line)])) {
    const [, name, part] = /^(a\d+)(?:\[(\d+)\])?$/.exec(key) ?? []
    if (name === undefined) continue
    // A long one comes in parts, also of several lines.
    args += part !== undefined && name === last ? value : `${args === '' ? '' : ' '}${value}`
    last = name
    if (args.length > maxArgumentBytes) break
  }
  return cutUtf8(args, maxArgumentBytes)
}

/** Keys of the first line, which is not of a system call, with our names for them. */
const named: Readonly<Record<string, string>> = {
  acct: 'account',
  addr: 'address',
  terminal: 'terminal',
  cmd: 'command',
  unit: 'unit',
  table: 'table',
  dev: 'device',
  name: 'name',
  path: 'path',
  tclass: 'class',
}

function namedIn(line: AuditLine | undefined): Record<string, string> {
  if (!line || line.type === 'SYSCALL') return {}
  const fields = fieldsOf(line)
  return Object.fromEntries(
    Object.entries(named).flatMap(([key, name]) => {
      const value = fields.get(key)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** Of struct sockaddr as hex: the path of a Unix socket, or IP address and port. Undefined for other families. */
function addressOf(line: AuditLine): string | undefined {
  if (line.type !== 'SOCKADDR') return undefined
  const given = fieldsOf(line).get('saddr') ?? ''
  if (!/^[0-9A-F]{4,512}$/.test(given)) return undefined
  const bytes = Buffer.from(given, 'hex')
  const family = bytes.readUInt16LE(0)
  if (family === afUnix) return bytes.toString('utf8', 2).replace(/^\0/, '@').replace(/\0.*$/s, '')
  if (family === afInet && bytes.length >= 8)
    return `${[...bytes.subarray(4, 8)].join('.')}:${bytes.readUInt16BE(2)}`
  if (family !== afInet6 || bytes.length < 24) return undefined
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(8 + 2 * index))
  const { hostname } = new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`)
  return `${hostname}:${bytes.readUInt16BE(2)}`
}

const afUnix = 1
const afInet = 2
const afInet6 = 10
