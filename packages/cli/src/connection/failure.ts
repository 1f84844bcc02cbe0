import type { ApiError } from '@plexd/protocol'
import { CliError, describeError, exitCodes, showProxy, untrustedCodes } from '@plexd/runtime'

/** The control plane and proxy that a failure is about. */
export interface Target {
  server: string
  tokenFile: string
  caFile?: string
  /** The proxy used. */
  proxyUrl?: string
}

/** Explains to an operator why a call failed, and what to do about it. */
export function explainFailure(error: unknown, target: Target): CliError {
  if (error instanceof CliError) return error
  return new CliError(
    `cannot reach the control plane at "${target.server}"${byProxy(target)}: ${reasonOf(error, target)}`,
    exitCodes.unreachable,
  )
}

function byProxy({ proxyUrl }: Target): string {
  return proxyUrl === undefined ? '' : ` by the proxy ${showProxy(proxyUrl)} of the environment`
}

/** An error answer, explained by its likely cause: the token, or the address. */
export function explainRefusal(error: ApiError, { server, tokenFile }: Target): Error {
  if (error.status === 401)
    return new CliError(
      `the control plane at "${server}" refused the token in "${tokenFile}": ${error.message}`,
      exitCodes.denied,
    )
  if (error.status !== 404 || !isOfNoRoute(error)) return error
  const path = pathOf(server)
  if (path === '')
    return new CliError(
      `the control plane at "${server}" does not know what was asked for: it may be of an earlier build than plexctl; "plexctl version" and, there, "plexd-control-plane version" tell`,
      exitCodes.notFound,
      { cause: error },
    )
  return new CliError(
    `"${server}" answered "${error.message}": the address of the control plane has a path, "${path}": use --server ${new URL(server).origin}`,
    exitCodes.usage,
  )
}

/** A server without such a path; the control plane would name what it does not have. */
function isOfNoRoute({ message, details }: ApiError): boolean {
  return message === 'not found' || details?.code === undefined
}

/** The path after host and port; none for a socket. */
function pathOf(server: string): string {
  const { protocol, pathname } = new URL(server)
  return protocol === 'unix:' ? '' : pathname.replace(/\/+$/, '')
}

function reasonOf(error: unknown, { caFile }: Target): string {
  const code = codeOf(error)
  if (untrustedCodes.has(code)) {
    return caFile === undefined
      ? 'its certificate is signed by an authority that this machine does not trust: pass --ca-file with the ca.crt of its data directory'
      : `its certificate is not signed by the authority in "${caFile}": use the ca.crt of its data directory`
  }
  return reasons[code] ?? describeError(error)
}

const reasons: Record<string, string> = {
  ECONNREFUSED: 'connection refused: is it running, and listening there?',
  ECONNRESET: 'the connection was cut before an answer came: does it speak https:// or http://?',
  ENOENT: 'there is no such socket: is it running, with --admin-socket at that path?',
  EACCES: 'only the user that the control plane runs as may open its socket: use sudo',
  ENOTFOUND: 'its name does not resolve',
  EAI_AGAIN: 'its name does not resolve at the moment',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ETIMEDOUT: 'no answer',
  TimeoutError: 'no answer in time',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is the clock of this machine right?',
  EPROTO: 'it does not speak TLS there: is it an http:// server?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there: is it an http:// server?',
  HPE_INVALID_CONSTANT: 'it does not speak HTTP there: is it an https:// server?',
}

/** Node's code of an error; an abort by a timeout has its kind in the cause. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if (error.name === 'TimeoutError') return error.name
  if (error.name === 'AbortError') return codeOf(error.cause)
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}
