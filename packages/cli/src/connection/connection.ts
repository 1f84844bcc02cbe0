import {
  type AdminApi,
  ApiError,
  adminApi,
  type Client,
  createClient,
  errorOf,
  isLoopback,
  type Transport,
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
import { explainFailure, explainRefusal, type Target } from './failure.ts'
import type { Setting, Settings } from './flags.ts'
import { createOpen, type Open } from './open-request.ts'

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
  const baseUrl = checkServer(settings)
  const token = await readToken(settings.tokenFile)
  const caFile = settings.caFile?.value
  if (settings.caFile) checkCa(settings.caFile)
  const proxyUrl = proxyOf(settings)
  const target = {
    server: baseUrl,
    tokenFile: settings.tokenFile?.value ?? '',
    ...(caFile === undefined ? {} : { caFile }),
    ...(proxyUrl === undefined ? {} : { proxyUrl }),
  }
  const userAgent = `plexctl/${version}`
  const transport = createHttpTransport({
    baseUrl,
    userAgent,
    proxyUrl,
    ...(caFile ? { caFile } : {}),
  })
  return {
    admin: createClient(adminApi, explaining(transport, target), () => token, parseExact),
    open: createOpen({ ...target, userAgent, token }),
    openSocket: (session) =>
      openWebSocket(adminApi.connectSession, {
        baseUrl,
        userAgent,
        proxyUrl,
        ...(caFile ? { caFile } : {}),
        token,
        params: { session },
      }).catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw explainFailure(error, target)
        throw error.status === 401 || error.status === 404 ? explainRefusal(error, target) : error
      }),
  }
}

function explaining(transport: Transport, target: Target): Transport {
  return async (request) => {
    const response = await transport(request).catch((error: unknown) => {
      throw explainFailure(error, target)
    })
    if (response.status === 401 || response.status === 404)
      throw explainRefusal(errorOf(response), target)
    const type = response.headers['content-type'] ?? ''
    if (response.status < 300 && response.body !== '' && !type.startsWith('application/json')) {
      throw new CliError(
        `read answer of "${target.server}": it is "${type}", not JSON: is a plexd control plane there?`,
      )
    }
    return response
  }
}

/** The URL of the control plane; throws a CliError that says what is wrong with it. */
export function checkServer({
  server,
  insecureHttp,
}: Pick<Settings, 'server' | 'insecureHttp'>): string {
  if (!server) {
    throw new CliError(
      'no control plane given: use --server URL, set PLEXCTL_SERVER, or run "plexctl config set --server URL"; on the machine of the control plane, if that is from a package, root only has to start it: systemctl start plexd-control-plane',
      exitCodes.usage,
    )
  }
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

/** The proxy for the server, from the environment. Throws a CliError for an unsupported kind. */
export function proxyOf({ server, env }: Pick<Settings, 'server' | 'env'>): string | undefined {
  if (!server || !URL.canParse(server.value)) return undefined
  try {
    return proxyFor(server.value, env)
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
