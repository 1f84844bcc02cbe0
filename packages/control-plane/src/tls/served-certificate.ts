import { X509Certificate } from 'node:crypto'
import type { Log } from '@plexd/runtime'
import type { Tls } from './authority.ts'

/** What a server shows to its clients, read again while it serves: no connection ends by that. */
export interface ServedCertificate {
  /** As it was read last. */
  current(): Tls
  /** Reads it again, which makes our own anew when its time has come, and hands it to the server when it is another. */
  refresh(): Promise<void>
  /** Milliseconds since 1970 by name. */
  ends(): ReadonlyMap<'server' | 'authority', number>
}

export async function serveCertificate(options: {
  load: () => Promise<Tls>
  /** Called with each that takes the place of another. */
  onReplaced: (tls: Tls) => void
  now: () => number
  log: Log
}): Promise<ServedCertificate> {
  const { load, onReplaced, now, log } = options
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

  warnOfEnds()
  return {
    current: () => tls,
    async refresh() {
      const next = await load()
      const isOther = next.cert !== tls.cert || next.key !== tls.key
      if (next.ca !== tls.ca)
        log.warn('authority is another from now on: give nodes the new ca.crt', {
          ends_at: new Date(endOf(next.ca ?? next.cert)).toISOString(),
        })
      tls = next
      if (isOther) {
        onReplaced(tls)
        log.info('certificate replaced', { ends_at: new Date(endOf(tls.cert)).toISOString() })
      }
      warnOfEnds()
    },
    ends: () => endsOf(tls),
  }
}

const dayMs = 24 * 60 * 60_000
/** That an end is near is said once for each of these; the smallest that fits comes first. */
const warnDays = [1, 7, 30]

const remedies = {
  server: 'renew the files of --tls-cert and --tls-key, and send SIGHUP; our own needs tls/ca.key',
  authority: 'restart or send SIGHUP to make it anew, then give nodes the new ca.crt',
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
