import { X509Certificate } from 'node:crypto'
import { createSerialQueue, type Log } from '@plexd/runtime'
import type { Tls } from './authority.ts'

/** The server's certificate, reloaded at runtime without closing connections. */
export interface ServedCertificate {
  /** The one last read. */
  current(): Tls
  /** Reads it again, renewing our own if it is due, and passes it to the server if it has changed. One after another: what was read last is served. */
  refresh(): Promise<void>
  /** Expiry in milliseconds since 1970 by name. */
  ends(): ReadonlyMap<'server' | 'authority', number>
}

export async function serveCertificate(options: {
  load: () => Promise<Tls>
  /** Called with each replacement. */
  onReplaced: (tls: Tls) => void
  now: () => number
  log: Log
}): Promise<ServedCertificate> {
  const { load, onReplaced, now, log } = options
  const inOrder = createSerialQueue()
  let tls = await load()
  const warned = new Set<string>()

  function warnOfEnds(): void {
    for (const [certificate, endsMs] of endsOf(tls)) {
      const days = warnDays.find((days) => endsMs - now() < days * dayMs)
      const warning = `${certificate} ${endsMs} ${days}`
      if (days === undefined || warned.has(warning)) continue
      warned.add(warning)
      log.warn('certificate ends soon', {
        certificate,
        ends_at: new Date(endsMs).toISOString(),
        remedy: remedies[certificate],
      })
    }
  }

  async function readAgain(): Promise<void> {
    const next = await load()
    const isOther = next.cert !== tls.cert || next.key !== tls.key
    if (next.ca !== tls.ca)
      log.info('authority is another from now on', {
        ends_at: new Date(endOf(next.ca ?? next.cert)).toISOString(),
      })
    tls = next
    if (isOther) {
      onReplaced(tls)
      log.info('certificate replaced', { ends_at: new Date(endOf(tls.cert)).toISOString() })
    }
    warnOfEnds()
  }

  warnOfEnds()
  return {
    current: () => tls,
    refresh: () => inOrder(readAgain),
    ends: () => endsOf(tls),
  }
}

const dayMs = 24 * 60 * 60_000
/** An approaching expiry is logged once for each of these thresholds, smallest first. */
const warnDays = [1, 7, 30]

const remedies = {
  server: 'renew the files of --tls-cert and --tls-key, and send SIGHUP; our own needs tls/ca.key',
  authority: 'replace it while nodes trust it: plexctl authority prepare',
} as const

function endsOf({ cert, ca }: Tls): Map<'server' | 'authority', number> {
  return new Map([
    ['server', endOf(cert)] as const,
    ...(ca === undefined ? [] : [['authority', endOf(ca)] as const]),
  ])
}

function endOf(pem: string): number {
  return new X509Certificate(pem).validToDate.getTime()
}
