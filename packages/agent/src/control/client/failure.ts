import { ApiError, type TransportResponse } from '@plexd/protocol'
import {
  CliError,
  describeError,
  diskFault,
  errorCodeOf,
  exitCodes,
  printable,
  showProxy,
  systemClock,
  untrustedCodes,
} from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import type { Place } from '../../config/place.ts'

type Where = Pick<AgentConfig, 'apiUrl' | 'caFile'> & Partial<Pick<AgentConfig, 'proxyUrl'>>

/** The control plane refuses this node. Retrying soon does not help. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && [401, 403, 404].includes(error.status)
}

/** For the status, while the node is refused. */
export function describeRefusal(reason: string): string {
  return `the control plane does not accept this node any more (${reason}): if it was removed there, stop plexd, then type "plexd deregister --purge" and "plexd join"`
}

/** An answer that the same request will always get. A 404 counts only if the API itself sent it, not a proxy. */
export function isFinal(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false
  if (error.status === 404) return typeof error.details?.error === 'string'
  return [400, 409, 413, 415, 422].includes(error.status)
}

/**
 * An answer that is not from the control plane, but from a proxy, a load balancer or a captive portal. It says
 * nothing about this node, and the same request may succeed later.
 */
export class ForeignAnswer extends Error {
  readonly status: number

  constructor({ status, headers, body, from }: Answered) {
    const { 'content-type': type = '' } = headers
    const what = type === '' ? 'without a content type' : `with "${printable(type)}"`
    const where = from === undefined ? '' : ` (from ${from})`
    super(`something on the way answered ${status} ${what}${where}${pageTitle(body)}`)
    this.name = 'ForeignAnswer'
    this.status = status
  }
}

type Answered = Pick<TransportResponse, 'status' | 'headers' | 'body' | 'from'>

/** Often names the software that generated the page. */
function pageTitle(body: string): string {
  const [, title = ''] = /<title>([^<]{1,80})/i.exec(body.slice(0, 4_096)) ?? []
  return title.trim() === '' ? '' : `: "${printable(title.trim())}"`
}

/** For the status, while something else answers. */
export function describeForeign(answer: ForeignAnswer, { apiUrl }: Where): string {
  return `${answer.message}, not the control plane "${apiUrl}": look at what stands between, as a proxy, a balancer or a login page; plexd tries on`
}

/** Of several addresses none has answered. Its code is that of a certificate which is not trusted, if there is one: that has a remedy. */
export class NoneAnswered extends Error {
  readonly code: string
  readonly failures: readonly AddressFailure[]

  constructor(failures: readonly AddressFailure[]) {
    super('none of the addresses of the control plane answers')
    this.name = 'NoneAnswered'
    const telling = failures.find(({ error }) => isTrustFailure(error)) ?? failures.at(-1)
    this.code = errorCodeOf(telling?.error) ?? ''
    this.failures = failures
  }
}

interface AddressFailure {
  place: Place
  error: unknown
}

/** A failure on this machine, while the control plane answers properly. */
export class LocalFailure extends Error {}

/** Why the control plane could not be reached, in one line with the URL and what to check. */
export function describeFailure(
  error: unknown,
  { apiUrl, caFile, proxyUrl }: Where,
  nowMs = systemClock.now(),
): string {
  const code = errorCodeOf(error) ?? ''
  if (error instanceof NoneAnswered)
    return error.failures
      .map(({ place, error }) => describeFailure(error, { caFile, ...place }, nowMs))
      .join('; ')
  if (error instanceof LocalFailure) return describeError(error.cause)
  if (isLocal(error)) return `on this machine: ${describeError(error)}`
  if (error instanceof ForeignAnswer) return `ask control plane "${apiUrl}": ${error.message}`
  if (error instanceof ApiError)
    return `control plane "${apiUrl}" answered ${error.status}: ${bounded(error.message)}`
  const fault = certificateFault(error, { apiUrl, caFile }, nowMs)
  if (fault) return `${fault.detail}: ${fault.remedy}`
  const advice =
    code === 'ECONNRESET' && apiUrl.startsWith('http:') ? ': does it speak https:// there?' : ''
  return `connect to control plane ${describePlace({ apiUrl, proxyUrl })}: ${describeError(error)}${advice}`
}

/** The URL, and the proxy if one is used: a forgotten proxy in the environment is the usual cause. */
export function describePlace({ apiUrl, proxyUrl }: Pick<Where, 'apiUrl' | 'proxyUrl'>): string {
  return proxyUrl === undefined
    ? `"${apiUrl}"`
    : `"${apiUrl}" by the proxy ${showProxy(proxyUrl)} of the environment`
}

/** What is wrong with the server's certificate, and the remedy; undefined for any other failure. */
export function certificateFault(
  error: unknown,
  { apiUrl, caFile }: Where,
  nowMs = systemClock.now(),
): { detail: string; remedy: string } | undefined {
  const code = errorCodeOf(error) ?? ''
  const of = `certificate of "${apiUrl}"`
  if (isClockFailure(error))
    return {
      detail: `${of} ${clockFailures[code]} by the clock of this machine, which says ${new Date(nowMs).toISOString()}`,
      remedy: `if that is wrong, set it ("timedatectl set-ntp true"); if it is right, the control plane wants a new certificate (${code})`,
    }
  if (isTrustFailure(error))
    return caFile
      ? {
          detail: `${of} is not signed by the CA in "${caFile}" (${code})`,
          remedy: `get the right file from the control plane's data dir`,
        }
      : {
          detail: `${of} is not trusted by this system (${code})`,
          remedy:
            'name the CA with --ca-file (a node keeps what it joined with as control-plane-ca.crt in its data dir), or its fingerprint with --ca-fingerprint',
        }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return {
      detail: `${of} is for another host name`,
      remedy: `use one that it names: ${describeError(error)}`,
    }
  return undefined
}

/** A file or database error, which has nothing to do with the connection: socket errors have no path. */
export function isLocal(error: unknown): boolean {
  const { code = '', path } = Object(error) as { code?: string; path?: string } // errors of the system and of SQLite
  return diskFault(error) !== undefined || code === 'ERR_SQLITE_ERROR' || path !== undefined
}

/** Sanitised, because any server's text may end up in this node's status. */
function bounded(text: string): string {
  return text.length > maxChars ? `${text.slice(0, maxChars)}…` : text
}

const maxChars = 2_048

/** The same for the terminal, with the matching exit code. */
export function failureOf(error: unknown, where: Where): CliError {
  const exitCode =
    error instanceof ApiError
      ? isRefusal(error)
        ? exitCodes.denied
        : exitCodes.failed
      : exitCodes.unreachable
  return new CliError(describeFailure(error, where), exitCode)
}

export function isTrustFailure(error: unknown): boolean {
  return untrustedCodes.has(errorCodeOf(error) ?? '')
}

/** The clock of this machine is wrong, which NTP may correct at any moment, or the certificate is expired or not yet valid. */
function isClockFailure(error: unknown): boolean {
  return (errorCodeOf(error) ?? '') in clockFailures
}

const clockFailures: Record<string, string> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
}
