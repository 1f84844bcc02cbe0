import { isIPv6 } from 'node:net'
import { isLoopback } from '@plexd/protocol'
import { asIs, optional, type Setting } from './setting.ts'

/** Where the state is, if not in the data folder. */
export const databaseSettings = {
  databaseUrl: optional({
    name: 'database-url',
    value: 'URL',
    otherwise: 'the file control-plane.db of DATA_DIR',
    help: 'database of PostgreSQL that holds the state, telemetry, recordings and artifacts, as in postgres://USER@HOST/DATABASE; over TLS, unless HOST is this machine',
    read: parseDatabaseUrl,
  }),
  databasePasswordFile: optional({
    name: 'database-password-file',
    value: 'FILE',
    credential: 'database.password',
    help: 'the password for that, and nothing else; read for each connection',
    wants: 'file',
    read: asIs,
  }),
  advertise: optional({
    name: 'advertise',
    value: 'HOST:PORT',
    otherwise: 'the address of --listen, or one of this machine',
    help: 'where the other control planes on the same database reach this one, to pass connections on to it',
    read: parseAdvertised,
  }),
} as const satisfies Record<string, Setting<unknown>>

/** With its `sslmode`: who leaves it out gets the strictest, where packets leave the machine. */
export function parseDatabaseUrl(text: string, name: string): string {
  const url = URL.parse(text)
  if (!isOurs(url) || url.pathname.length < 2)
    throw fault(name, text, 'want a URL, as in postgres://plexd@db.example.com/plexd')
  if (url.searchParams.has('password'))
    throw fault(
      name,
      text,
      'leave the password out, and name a file of it with database_password_file',
    )
  for (const [parameter, value] of url.searchParams)
    if (
      !parameters.includes(parameter) ||
      value === '' ||
      url.searchParams.getAll(parameter).length > 1
    )
      throw fault(
        name,
        text,
        `its parameter "${parameter}": want one of ${parameters.join(', ')}, each once and with a value`,
      )
  const mode = url.searchParams.get('sslmode')
  if (mode !== null && !modes.includes(mode))
    throw fault(
      name,
      text,
      `sslmode "${mode}" lets somebody else answer for the server: want verify-full, with sslrootcert=FILE for an authority of your own; or disable`,
    )
  if (mode === null) url.searchParams.set('sslmode', staysHere(url) ? 'disable' : 'verify-full')
  return url.href
}

function parseAdvertised(text: string, name: string): string {
  const [, ipv6, plain, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]{1,253})):(\d{1,5})$/i.exec(text) ?? []
  const isHost = ipv6 === undefined ? plain !== undefined : isIPv6(ipv6)
  if (isHost && Number(port) > 0 && Number(port) <= 65_535) return text
  throw new Error(`read config: ${name} "${text}": want HOST:PORT, as in 10.0.0.5:8443`)
}

function isOurs(url: URL | null): url is URL {
  return url !== null && /^postgres(ql)?:$/.test(url.protocol)
}

const modes = ['disable', 'verify-full']
/** Others would change what we set for each session. */
const parameters = ['host', 'port', 'user', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey']

/** By a Unix socket, whose folder is in `host`, or by a loopback address. */
function staysHere(url: URL): boolean {
  const host = url.searchParams.get('host') ?? url.hostname
  return host === '' || host.startsWith('/') || isLoopback(host)
}

/** Without what may be a password, which is anywhere in a text that is no URL. */
function fault(name: string, text: string, why: string): Error {
  const url = URL.parse(text)
  const shown = isOurs(url) ? ` "${url.protocol}//${url.host}${url.pathname}"` : ''
  return new Error(`read config: ${name}${shown}: ${why}`)
}
