import 'reflect-metadata'
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** Loaded lazily: the library takes longer to load than the rest of a start. */

const dayMs = 24 * 60 * 60_000
/**
 * When all certificates begin. Nothing is gained by a later beginning, and nodes would refuse a certificate that was made
 * while our clock was ahead. Before July 2019, since when Apple's clients want a server's certificate to be good for 825 days at most.
 */
const beginMs = Date.UTC(2019, 0, 1)
const authorityName = 'CN=plexd control plane CA'
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' }

/** A CA certificate as PEM, valid for 10 years from now. */
export async function issueAuthority(keyPem: string, nowMs: number): Promise<string> {
  const key = createPrivateKey(keyPem)
  const publicKey = await publicCryptoKey(key)
  return issue({
    subject: authorityName,
    publicKey,
    signingKey: key,
    toMs: nowMs + 3_650 * dayMs,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
}

export interface ServerCertificateRequest {
  keyPem: string
  caPem: string
  caKeyPem: string
  /** Host names and IP addresses. */
  names: readonly string[]
  nowMs: number
}

/** A server certificate as PEM, valid for a year from now. */
export async function issueServer(request: ServerCertificateRequest): Promise<string> {
  const publicKey = await publicCryptoKey(createPrivateKey(request.keyPem))
  return issue({
    subject: 'CN=plexd control plane',
    publicKey,
    signingKey: createPrivateKey(request.caKeyPem),
    toMs: request.nowMs + 365 * dayMs,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        request.names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value })),
      ),
      await AuthorityKeyIdentifierExtension.create(new X509Certificate(request.caPem).publicKey),
    ],
  })
}

async function issue(certificate: {
  subject: string
  publicKey: CryptoKey
  signingKey: KeyObject
  /** In milliseconds since 1970. */
  toMs: number
  extensions: Extension[]
}): Promise<string> {
  const issued = await X509CertificateGenerator.create({
    subject: certificate.subject,
    issuer: authorityName,
    notBefore: new Date(beginMs),
    notAfter: new Date(certificate.toMs),
    publicKey: certificate.publicKey,
    signingKey: certificate.signingKey.toCryptoKey(ecdsa, false, ['sign']),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: certificate.extensions,
  })
  return `${issued.toString('pem')}\n`
}

async function publicCryptoKey(privateKey: KeyObject): Promise<CryptoKey> {
  return createPublicKey(privateKey).toCryptoKey(ecdsa, true, ['verify'])
}
