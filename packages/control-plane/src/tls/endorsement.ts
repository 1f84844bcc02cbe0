import { createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { endorsementText } from '@plexd/runtime'

/**
 * What an authority says of its successor, for machines that know the fingerprint of the former only, from a join string of earlier.
 * In PEM, under a name of our own, which readers of certificates pass over.
 */
export function endorse(successorPem: string, keyPem: string): string {
  const signature = sign('sha256', endorsementText(new X509Certificate(successorPem)), {
    key: createPrivateKey(keyPem),
  })
  return `-----BEGIN PLEXD ENDORSEMENT-----\n${signature.toString('base64')}\n-----END PLEXD ENDORSEMENT-----\n`
}
