import {
  type AdminApi,
  ApiError,
  adminApi,
  type Client,
  createClient,
  errorOf,
  isLoopback,
  notServing,
  type Transport,
  type TransportResponse,
} from '@plexd/protocol'
import {
  CliError,
  createHttpTransport,
  describeError,
  exitCodes,
  isMissing,
  openWebSocket,
  parseExact,
  proxyFor,
  readCa,
  readSecretFile,
  type WebSocketStream,
} from '@plexd/runtime'
import { version } from '../version.ts'
import { explainRefusal, type Target } from './failure.ts'
import type { Setting, Settings } from './flags.ts'
import { createOpen, type Open } from './open-request.ts'
import { createServers, type Servers } from './servers.ts'

/** A connection to a control plane. */
export interface Connection {
  admin: Client<AdminApi>
  /** For bodies that are too large for memory or never end. */
  open: Open
  /** To a relayed session, for bytes both ways. */
  openSocket(session: string): Promise<WebSocketStream>
}

/** Checks everything that can be checked offline; throws a CliError that says what to type. */
export async function connect(settings: Settings): Promise<Connection> {
  const named = checkServers(settings)
  const token = await readToken(settings.tokenFile)
  if (settings.caFile) checkCa(settings.caFile)
  const servers = createServers(named.map((server) => targetOf(server, settings)))
  const userAgent = `plexctl/${version}`
  return {
    admin: createClient(adminApi, transportOver(servers, userAgent), () => token, parseExact),
    open: createOpen(servers, { userAgent, token }),
    openSocket: (session) =>
      servers.ask({
        what: `GET ${adminApi.connectSession.path}`,
        isRead: true,
        ask: (target) => openSocketAt(target, { userAgent, token, session }),
      }),
  }
}

function targetOf(server: string, settings: Settings): Target {
  const caFile = settings.caFile?.value
  const proxyUrl = proxyFrom(server, settings.env)
  return {
    server,
    tokenFile: settings.tokenFile?.value ?? '',
    ...(caFile === undefined ? {} : { caFile }),
    ...(proxyUrl === undefined ? {} : { proxyUrl }),
  }
}

function openSocketAt(
  target: Target,
  { userAgent, token, session }: { userAgent: string; token: string; session: string },
): Promise<WebSocketStream> {
  const { server, proxyUrl, caFile } = target
  return openWebSocket(adminApi.connectSession, {
    baseUrl: server,
    userAgent,
    proxyUrl,
    ...(caFile ? { caFile } : {}),
    token,
    params: { session },
  }).catch((error: unknown) => {
    if (!(error instanceof ApiError)) throw error
    throw error.status === 401 || error.status === 404 ? explainRefusal(error, target) : error
  })
}

/** With connections of its own for each of them. */
function transportOver(servers: Servers, userAgent: string): Transport {
  const transports = servers.targets.map(({ server, proxyUrl, caFile }) =>
    createHttpTransport({
      baseUrl: server,
      userAgent,
      proxyUrl,
      ...(caFile ? { caFile } : {}),
    }),
  )
  return (request) =>
    servers.ask({
      what: `${request.method} ${request.path}`,
      isRead: request.method === 'GET',
      ask: async (target, at) => checked(await (transports[at] as Transport)(request), target), // one for each
      signal: request.signal,
    })
}

/** The answer, unless it is one that no caller could explain. */
function checked(response: TransportResponse, target: Target): TransportResponse {
  if (response.status === 401 || response.status === 404)
    throw explainRefusal(errorOf(response), target)
  if (notServing(response)) throw errorOf(response)
  const type = response.headers['content-type'] ?? ''
  if (response.status < 300 && response.body !== '' && !type.startsWith('application/json')) {
    throw new CliError(
      `read answer of "${target.server}": it is "${type}", not JSON: is a plexd control plane there?`,
    )
  }
  return response
}

/** The URLs of the control planes; throws a CliError that says what is wrong with one. */
export function checkServers({
  server,
  insecureHttp,
}: Pick<Settings, 'server' | 'insecureHttp'>): string[] {
  const named = namesIn(server)
  if (!server || named.length === 0) {
    throw new CliError(
      'no control plane given: use --server URL, set PLEXCTL_SERVER, or run "plexctl config set --server URL"; on the machine of the control plane, if that is from a package, root only has to start it: systemctl start plexd-control-plane',
      exitCodes.usage,
    )
  }
  if (named.length > maxServers)
    throw new CliError(
      `use servers of ${server.from}: ${named.length} of them, want ${maxServers} at most`,
      exitCodes.usage,
    )
  return named.map((value) => checkServer({ value, from: server.from }, insecureHttp))
}

/** Each may be waited for in vain. */
const maxServers = 8

function namesIn(server: Setting | undefined): string[] {
  const named = (server?.value ?? '').split(',').map((part) => part.trim())
  return [...new Set(named.filter((part) => part !== ''))]
}

function checkServer(server: Setting, insecureHttp: boolean): string {
  const wrong = (why: string): CliError =>
    new CliError(`use server "${server.value}" of ${server.from}: ${why}`, exitCodes.usage)
  if (!URL.canParse(server.value)) throw wrong('want a URL such as https://plexd.example.com:8443')
  const url = new URL(server.value)
  if (url.username || url.password || url.search || url.hash) {
    throw wrong('want no user, query or fragment in it')
  }
  if (url.protocol === 'https:') return server.value
  if (url.protocol === 'unix:') {
    if (url.host !== '' || url.pathname.length < 2)
      throw wrong('want unix:///PATH of the admin socket, with three slashes')
    return server.value
  }
  if (url.protocol !== 'http:') throw wrong('want https://, or unix:///PATH of the admin socket')
  if (!isLoopback(url.hostname))
    throw wrong('plain HTTP is for loopback addresses only, use https://')
  if (!insecureHttp) throw wrong('plain HTTP needs --insecure-http')
  return server.value
}

/** The proxy for the first server that has one, from the environment. Throws a CliError for an unsupported kind. */
export function proxyOf({ server, env }: Pick<Settings, 'server' | 'env'>): string | undefined {
  return namesIn(server)
    .map((url) => proxyFrom(url, env))
    .find((proxy) => proxy !== undefined)
}

function proxyFrom(url: string, env: Settings['env']): string | undefined {
  if (!URL.canParse(url)) return undefined
  try {
    return proxyFor(url, env)
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}

async function readToken(tokenFile: Setting | undefined): Promise<string> {
  if (!tokenFile) {
    throw new CliError(
      'no admin token given: use --token-file F, set PLEXCTL_TOKEN_FILE, or run "plexctl config set --token-file F"' +
        ' (the first token is DIR/admin-token of the control plane)',
      exitCodes.usage,
    )
  }
  const what = `read token file "${tokenFile.value}" of ${tokenFile.from}`
  const token = readTokenFile(tokenFile.value, what).trim()
  // Anything else would be refused by the HTTP client, with the token in its error message.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new CliError(`${what}: want one line with a token in it`, exitCodes.usage)
  }
  return token
}

function readTokenFile(path: string, title: string): string {
  try {
    return readSecretFile(path, title)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (isMissing(error)) throw new CliError(noToken(title), exitCodes.usage)
    throw new CliError(error.message, exitCodes.usage, { cause: error.cause })
  }
}

const noToken = (title: string): string =>
  `${title}: there is no such file: name the one with your token, "plexctl config set --token-file FILE"; if the first operator's token is lost, stop the control plane and make it anew there: plexd-control-plane admin-token reset`

function checkCa({ value, from }: Setting): void {
  try {
    readCa(value)
  } catch (error) {
    // What lies below says neither the path nor the remedy again.
    const cause = error instanceof Error ? (error.cause ?? error) : error
    throw new CliError(
      `read CA file "${value}" of ${from}: want the PEM file DIR/ca.crt of the control plane's data directory`,
      exitCodes.usage,
      { cause },
    )
  }
}
