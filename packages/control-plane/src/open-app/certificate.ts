import type { RunningApp } from '../app.ts'
import { loadCertificate } from '../installation/certificate.ts'
import type { Authority } from '../installation/replace-authority.ts'
import { readServing } from '../installation/serving.ts'
import type { Job } from '../jobs/periodic.ts'
import { readCaKey, type Tls } from '../tls/authority.ts'
import { type ServedCertificate, serveCertificate } from '../tls/served-certificate.ts'

/** Loads what we serve with, and shows it to the app; undefined where clients come without TLS. */
export async function openCertificate(
  app: RunningApp,
  onReplaced: (tls: Tls) => void,
): Promise<ServedCertificate | undefined> {
  const { config, clock, log } = app
  const certificate = config.insecureHttp
    ? undefined
    : await serveCertificate({ load: () => load(app), onReplaced, now: clock.now, log })
  app.shows(certificate && { ...certificate, ownAuthority: () => ownAuthority(app, certificate) })
  return certificate
}

/** The operator may replace the files, and we renew our own before it expires. */
export function renewing(
  { metrics }: Pick<RunningApp, 'metrics'>,
  { refresh, ends }: ServedCertificate,
): Job {
  metrics.showCertificates(ends)
  return { name: 'renew certificate', everyMs: 3_600_000, run: refresh }
}

function load({ config, store, masterKey, controlPlanes, clock }: RunningApp): Promise<Tls> {
  return loadCertificate(config, {
    ...{ reader: store.reader, masterKey },
    ...{ otherNames: controlPlanes.names(), nowMs: clock.now() },
  })
}

/** Its key may be kept elsewhere. */
async function ownAuthority(
  { config, store, masterKey }: RunningApp,
  { current }: ServedCertificate,
): Promise<Authority> {
  const key = (await readServing(store.reader, masterKey))?.key ?? readCaKey(config)
  return { certificate: current().ca ?? '', key }
}
