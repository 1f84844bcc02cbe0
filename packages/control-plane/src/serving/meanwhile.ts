import type { Environment } from '../app.ts'
import { loadCertificateBeside } from '../installation/certificate.ts'
import { startPeriodic } from '../jobs/periodic.ts'
import { openMainDoor, openPlainDoors } from './doors.ts'
import type { Servers } from './servers.ts'

/** Another control plane may have replaced the authority, or ours may end: nobody knows how long we wait. */
const certificateMs = 60_000
/** Between two attempts to open what is not open yet, such as a port that another process has. */
const retryMs = 1_000

/**
 * Listens while another control plane serves, so that whoever asks is told. What cannot be opened is tried again, and said once: whether
 * it can be when our turn comes is what counts. Without a certificate that nodes trust, they find no port rather than a stranger.
 */
export function answerMeanwhile(
  servers: Servers,
  { config, clock, log }: Environment,
): AsyncDisposable {
  let loadedAtMs: number | undefined

  async function refreshCertificate(): Promise<void> {
    if (loadedAtMs !== undefined && clock.monotonic() - loadedAtMs < certificateMs) return
    const certificate = await loadCertificateBeside(config, clock.now())
    if (!certificate) return
    servers.show(certificate)
    loadedAtMs = clock.monotonic()
  }

  return startPeriodic(
    {
      name: 'listen while waiting',
      everyMs: retryMs,
      async run() {
        await openPlainDoors(servers, config)
        if (!config.insecureHttp) await refreshCertificate()
        if (config.insecureHttp || loadedAtMs !== undefined) await openMainDoor(servers, config)
      },
    },
    { clock, log },
  )
}
