import { X509Certificate } from 'node:crypto'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { readPlainFile } from '../files/plain-file.ts'

/** What a client trusts, as an option for TLS: the authorities in the file, otherwise those of the system. Throws if it cannot be read. */
export function trusting(caFile: string | undefined): { ca?: string } {
  if (caFile) return { ca: readCa(caFile) }
  trustSystem()
  return {}
}

let isSystemTrusted = false

/**
 * From now on this process trusts by default what the machine's administrator trusts, and not only what is built into Node.js.
 * Reading that takes a tenth of a second, so it waits until somebody needs it; `--use-system-ca` would be at each start.
 */
export function trustSystem(): void {
  if (isSystemTrusted) return
  isSystemTrusted = true
  const all = [...getCACertificates('default'), ...getCACertificates('system')]
  setDefaultCACertificates([...new Set(all)])
}

/** The certificates of a PEM file; errors name the file. */
export function readCa(caFile: string): string {
  const title = `read CA file "${caFile}"`
  const pem = readPlainFile(caFile, title)
  try {
    new X509Certificate(pem) // Node silently trusts nothing if the file has no certificate.
    return pem
  } catch (cause) {
    throw new Error(
      `${title}: it holds no certificate in PEM: want ca.crt of the control plane's data directory`,
      { cause },
    )
  }
}
