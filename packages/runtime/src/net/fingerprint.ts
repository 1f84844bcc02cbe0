import { X509Certificate } from 'node:crypto'

/** `sha256:` and hex of a certificate in PEM: what `openssl x509 -fingerprint -sha256` prints, in lower case and without colons. */
export function fingerprintOf(pem: string): string {
  const { fingerprint256 } = new X509Certificate(pem)
  return `sha256:${fingerprint256.replaceAll(':', '').toLowerCase()}`
}
