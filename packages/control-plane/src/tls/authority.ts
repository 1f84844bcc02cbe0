import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import {
  readPlainFile,
  readSecretFile,
  systemClock,
  undefinedIfMissing,
  writeFileAtomic,
} from '@plexd/runtime'
import { hostAddresses } from './host-addresses.ts'

export interface TlsOptions {
  dataDir: string
  listenHost: string
  /** Further host names and addresses that nodes use to reach us. */
  extraNames?: readonly string[]
  /** PEM files provided by the operator; both or neither. */
  certFile?: string
  keyFile?: string
  /** The key of our own CA; default `tls/ca.key` of the data folder. */
  caKeyFile?: string
  /** Instead of the CA in the data folder, once that is being replaced or was. */
  authorities?: Authorities | undefined
  nowMs?: number
}

/** What nodes are to trust, and what signs. */
export interface Authorities {
  /** Of the one that signs. */
  certificate: string
  /** Absent if it is in the file. */
  key: string | undefined
  /** Of those that are trusted beside it. */
  others: readonly string[]
  /** What they say of each other, in PEM: see endorsement.ts. */
  endorsements: readonly string[]
}

export interface Tls {
  cert: string
  key: string
  /** Our own CA, which signed it; absent if the operator provides the certificate. */
  ca?: string
  /** All that nodes need, in PEM: more than `ca` while that is being replaced. */
  trusted?: string
}

export const renewMs = 30 * 24 * 60 * 60_000

/**
 * The server's certificate and key. Unless the operator provides them, they come from a private CA in the data
 * folder: `ca.crt` (10 years) and `tls/`, created at the first start. The server certificate (1 year) is renewed when it
 * expires within 30 days or lacks a requested name. Errors name the file.
 */
export async function loadTls(options: TlsOptions): Promise<Tls> {
  const { certFile, keyFile } = options
  if (certFile !== undefined && keyFile !== undefined) return loadOwn(certFile, keyFile)
  if (certFile !== undefined || keyFile !== undefined)
    throw new Error(
      `load TLS certificate "${certFile ?? keyFile}": a certificate needs its key: give both --tls-cert and --tls-key`,
    )
  const nowMs = options.nowMs ?? systemClock.now()
  const caKeyFile = caKeyPath(options)
  const ca = options.authorities
    ? await takeAuthorities(options.dataDir, caKeyFile, options.authorities)
    : await loadAuthority(options.dataDir, caKeyFile, nowMs)
  const server = await loadServer(
    options.dataDir,
    { ...ca, keyFile: caKeyFile },
    namesOf(options),
    nowMs,
  )
  return { ...server, ca: ca.cert, trusted: ca.trusted }
}

async function loadOwn(certFile: string, keyFile: string): Promise<Tls> {
  try {
    const cert = readPlainFile(certFile, `read "${certFile}"`)
    const key = readPlainFile(keyFile, `read "${keyFile}"`)
    createSecureContext({ cert, key })
    return { cert, key }
  } catch (cause) {
    throw new Error(`load TLS certificate "${certFile}" with key "${keyFile}"`, { cause })
  }
}

interface Loaded {
  cert: string
  key?: string
  trusted: string
}

/** `ca.crt` follows, for operators. */
async function takeAuthorities(
  dataDir: string,
  keyPath: string,
  { certificate: cert, key, others, endorsements }: Authorities,
): Promise<Loaded> {
  const path = join(dataDir, 'ca.crt')
  const pem = [cert, ...others].join('')
  if (readIfThere(path) !== pem) await writeFileAtomic(path, pem, { mode: 0o644 })
  const found = key ?? readIfThere(keyPath, readSecretFile)
  const trusted = [pem, ...endorsements].join('')
  return { cert, trusted, ...(found === undefined ? {} : { key: found }) }
}

/** A new CA, in memory only; of the key in a file, which is made if it is missing. */
export async function makeAuthority(
  nowMs: number,
  keyFile?: string,
): Promise<{ certificate: string; key: string }> {
  const { issueAuthority } = await import('./certificate.ts')
  const key = keyFile === undefined ? newKey() : await loadKey(keyFile)
  return { certificate: await issueAuthority(key, nowMs), key }
}

/** Where the key of the first authority is. */
export function caKeyPath({
  dataDir,
  caKeyFile,
}: Pick<TlsOptions, 'dataDir' | 'caKeyFile'>): string {
  return caKeyFile ?? join(dataDir, 'tls', 'ca.key')
}

/** It signs nothing any more. */
export async function removeCaKey({ dataDir }: Pick<TlsOptions, 'dataDir'>): Promise<void> {
  await rm(caKeyPath({ dataDir }), { force: true })
}

/** The key of the first authority; undefined if it is kept elsewhere. */
export function readCaKey(place: Pick<TlsOptions, 'dataDir' | 'caKeyFile'>): string | undefined {
  return readIfThere(caKeyPath(place), readSecretFile)
}

async function loadAuthority(dataDir: string, keyPath: string, nowMs: number): Promise<Loaded> {
  const certPath = join(dataDir, 'ca.crt')
  const found = { cert: readIfThere(certPath), key: readIfThere(keyPath, readSecretFile) }
  // A CA whose key is elsewhere is fine as long as nothing has to be signed.
  if (found.cert !== undefined && found.key === undefined)
    return { cert: found.cert, trusted: found.cert }
  const key = found.key ?? (await createKey(keyPath))
  if (found.cert !== undefined && outlasts(found.cert, nowMs))
    return { cert: found.cert, key, trusted: found.cert }
  const { issueAuthority } = await import('./certificate.ts')
  const cert = await issueAuthority(key, nowMs)
  await writeFileAtomic(certPath, cert, { mode: 0o644 })
  return { cert, key, trusted: cert }
}

async function loadServer(
  dataDir: string,
  ca: { cert: string; key?: string; keyFile: string },
  names: readonly string[],
  nowMs: number,
): Promise<{ cert: string; key: string }> {
  const certPath = join(dataDir, 'tls', 'server.crt')
  const keyPath = join(dataDir, 'tls', 'server.key')
  const found = { cert: readIfThere(certPath), key: readIfThere(keyPath, readSecretFile) }
  if (
    found.cert !== undefined &&
    found.key !== undefined &&
    serves(found.cert, { key: found.key, ca: ca.cert, names, nowMs })
  )
    return { cert: found.cert, key: found.key }
  if (ca.key === undefined) throw new Error(`make TLS certificate: "${ca.keyFile}" is missing`)
  const isOurs = found.cert !== undefined && isSignedBy(ca.cert, new X509Certificate(found.cert))
  // A new authority gets a new key: whoever has the old one could go on as the control plane with the new certificate, which is public.
  const key = (isOurs ? found.key : undefined) ?? (await createKey(keyPath))
  const { issueServer } = await import('./certificate.ts')
  const cert = await issueServer({ keyPem: key, caPem: ca.cert, caKeyPem: ca.key, names, nowMs })
  await writeFileAtomic(certPath, cert, { mode: 0o644 })
  return { cert, key }
}

function serves(
  pem: string,
  { key, ca, names, nowMs }: { key: string; ca: string; names: readonly string[]; nowMs: number },
): boolean {
  const cert = new X509Certificate(pem)
  return (
    outlasts(pem, nowMs) &&
    cert.checkPrivateKey(createPrivateKey(key)) &&
    isSignedBy(ca, cert) &&
    names.every((name) => isNamed(cert, name))
  )
}

function isSignedBy(ca: string, cert: X509Certificate): boolean {
  return cert.verify(new X509Certificate(ca).publicKey)
}

export function isNamed(cert: X509Certificate, name: string): boolean {
  if (isIP(name)) return cert.checkIP(name) !== undefined
  return (cert.subjectAltName ?? '').split(', ').includes(`DNS:${name}`)
}

function outlasts(pem: string, nowMs: number): boolean {
  return new X509Certificate(pem).validToDate.getTime() - nowMs > renewMs
}

/** For a wildcard address, nodes may use any of the machine's addresses. */
export function namesOf({
  listenHost,
  extraNames = [],
}: Pick<TlsOptions, 'listenHost' | 'extraNames'>): string[] {
  const everywhere = listenHost === '0.0.0.0' || listenHost === '::'
  const own = hostAddresses().filter(({ internal }) => !internal)
  const names = [
    'localhost',
    '127.0.0.1',
    '::1',
    hostname(),
    ...(everywhere ? own.map(({ address }) => address) : [listenHost]),
    ...extraNames,
  ]
  return [...new Set(names.filter((name) => name !== ''))]
}

async function loadKey(path: string): Promise<string> {
  return readIfThere(path, readSecretFile) ?? (await createKey(path))
}

async function createKey(path: string): Promise<string> {
  const pem = newKey()
  await writeFileAtomic(path, pem, { mode: 0o600 })
  return pem
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return String(privateKey.export({ format: 'pem', type: 'pkcs8' }))
}

function readIfThere(
  path: string,
  read: (path: string, title: string) => string = readPlainFile,
): string | undefined {
  try {
    return read(path, `read "${path}"`)
  } catch (error) {
    return undefinedIfMissing(error)
  }
}
