import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { type Check, type Finding, failed, ok, readPlainFile, warning } from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { isNamed, namesOf, renewMs } from '../tls/authority.ts'
import { startRemedy } from './folder-checks.ts'
import { fileIn, type Place } from './place.ts'
import { waitsFor } from './turn.ts'

export const certificateCheck: Check<Place> = { name: 'certificate', run: checkCertificate }

/** The file of the certificate that is served; undefined without TLS. */
export function certificateFile(place: Place): string | undefined {
  if (place.config.insecureHttp) return undefined
  return place.config.tlsCertFile ?? fileIn(place, 'tls/server.crt')
}

async function checkCertificate(place: Place): Promise<Finding> {
  const path = certificateFile(place)
  if (path === undefined) return ok('none is needed: plain HTTP on loopback')
  if (!existsSync(path) && (await waitsFor(place))) return ok('it is made when its turn comes')
  if (!existsSync(path))
    return place.config.tlsCertFile === undefined
      ? failed('none was made yet', startRemedy(place))
      : failed(`there is no "${path}"`, 'name it with --tls-cert')
  const authority = fileIn(place, 'ca.crt')
  const isOwn = place.config.tlsCertFile === undefined && existsSync(authority)
  return judgeCertificate(readCertificate(path), {
    path,
    ...(isOwn ? { authority: readCertificate(authority) } : {}),
    names: isOwn ? ownNames(place.config) : publicNames(place.config),
    nowMs: place.nowMs,
  })
}

export function readCertificate(path: string): X509Certificate {
  return new X509Certificate(readPlainFile(path, `read "${path}"`))
}

interface Expected {
  path: string
  /** Of ours, which renews it by itself. */
  authority?: X509Certificate
  names: readonly string[]
  nowMs: number
}

export function judgeCertificate(cert: X509Certificate, expected: Expected): Finding {
  const { path, authority, names, nowMs } = expected
  const remedy = authority
    ? 'restart the control plane: it makes a new one'
    : `put a new one into ${path}, and its key beside it, then: systemctl reload plexd-control-plane`
  const leftMs = cert.validToDate.getTime() - nowMs
  const day = cert.validToDate.toISOString().slice(0, 10)
  if (cert.validFromDate.getTime() > nowMs)
    return failed(`"${path}" is not valid yet: is the clock right?`, 'timedatectl set-ntp true')
  if (leftMs <= 0) return failed(`"${path}" has expired on ${day}`, remedy)
  if (authority && !cert.verify(authority.publicKey))
    return failed(`"${path}" is not signed by the ca.crt beside it`, remedy)
  if (authority && authority.validToDate.getTime() <= nowMs)
    return failed('ca.crt has expired: no node trusts it', remedy)
  const missing = names.filter((name) => !isServed(cert, name))
  if (missing.length > 0)
    return warning(
      `"${path}" is not for ${missing.join(', ')}: who comes by that name does not trust it`,
      authority ? remedy : 'have one made that names it, or change --public-url',
    )
  if (leftMs < renewMs) return warning(`"${path}" expires on ${day}`, remedy)
  if (authority && authority.validToDate.getTime() - nowMs < authorityWarnMs)
    return warning(
      `the authority in ca.crt expires on ${authority.validToDate.toISOString().slice(0, 10)}, and nodes want to be told of the next one while this one is good`,
      'plexctl authority prepare; "plexctl authority status" says what comes next',
    )
  return ok(`"${path}" is good until ${day}`)
}

/** Time for nodes that are away for long to hear of it. */
const authorityWarnMs = 365 * 24 * 60 * 60_000

function isServed(cert: X509Certificate, name: string): boolean {
  if (isNamed(cert, name)) return true
  return isIP(name) === 0 && cert.checkHost(name) !== undefined
}

function publicNames({ publicUrl, tlsNames }: Config): string[] {
  const host = publicUrl && new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')
  return [...new Set([...(host ? [host] : []), ...tlsNames])]
}

function ownNames(config: Config): string[] {
  const names = namesOf({ listenHost: config.listen.host, extraNames: config.tlsNames })
  return [...new Set([...names, ...publicNames(config)])]
}
