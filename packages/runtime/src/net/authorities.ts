import { verify, X509Certificate } from 'node:crypto'

/** Of the certificates of a PEM text, each once, without what is none. */
export function certificatesIn(pem: string): string[] {
  return [...new Set(blocksOf(pem, 'CERTIFICATE').flatMap(parse))]
}

function parse(block: string): string[] {
  try {
    return [new X509Certificate(block).toString()]
  } catch {
    return []
  }
}

/** Those authorities of a PEM text that this one vouches for, by signatures beside them. */
export function endorsedBy(certificatePem: string, pem: string): string[] {
  const { publicKey } = new X509Certificate(certificatePem)
  const signatures = blocksOf(pem, 'PLEXD ENDORSEMENT')
    .slice(0, maxBlocks)
    .map((block) => Buffer.from(block.split('\n').slice(1, -1).join(''), 'base64'))
  return blocksOf(pem, 'CERTIFICATE')
    .slice(0, maxBlocks)
    .flatMap(parse)
    .filter((one) => {
      const text = endorsementText(new X509Certificate(one))
      return signatures.some((signature) => verify('sha256', text, publicKey, signature))
    })
}

/** Whoever answers chooses how many there are. */
const maxBlocks = 8

/** What an authority signs of its successor; no certificate begins like this. */
export function endorsementText({ raw }: X509Certificate): Buffer {
  return Buffer.concat([Buffer.from('plexd-endorsement-1\n'), raw])
}

function blocksOf(pem: string, label: string): string[] {
  return pem.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? []
}
