import type { Environment, Installation } from '../app.ts'
import { loadCertificateBeside } from '../installation/certificate.ts'
import { startPeriodic } from '../jobs/periodic.ts'
import { openMainDoor, openPlainDoors } from './doors.ts'
import { meetOthers } from './meet.ts'
import { ownAddressOf } from './own-address.ts'
import type { Servers } from './servers.ts'

/** Another control plane may have replaced the authority, or ours may end: nobody knows how long we wait. */
const certificateMs = 60_000
/** Between two attempts to open what is not open yet, such as a port that another process has. */
const retryMs = 1_000

/**
 * Listens while another control plane serves: connections of nodes and operators go on to that one, and whoever comes while it cannot be reached,
 * or by another door, is told. What cannot be opened is tried again, and said once: whether it can be when our turn comes is what counts. Without a certificate that nodes trust, they find no port rather than a stranger.
 */
export function answerMeanwhile(
  servers: Servers,
  environment: Environment & Pick<Installation, 'controlPlanes'>,
  onListening: (url: string) => void,
): AsyncDisposable {
  const { config, clock, log } = environment
  let loadedAtMs: number | undefined

  async function refreshCertificate(): Promise<void> {
    if (loadedAtMs !== undefined && clock.monotonic() - loadedAtMs < certificateMs) return
    const certificate = await loadCertificateBeside(config, clock.now())
    if (!certificate) return
    servers.show(certificate)
    loadedAtMs = clock.monotonic()
  }

  async function openMain(): Promise<void> {
    // First, so that whoever comes is passed on at once. It is tried again, and said there if it fails.
    await meetOthers(environment, servers).catch(() => {})
    const { port } = await openMainDoor(servers, config)
    const { here, forNodes, forPeers } = ownAddressOf(config, port)
    environment.controlPlanes.showAddress(forPeers)
    onListening(here ?? config.publicUrl ?? forNodes)
  }

  return startPeriodic(
    {
      name: 'listen while waiting',
      everyMs: retryMs,
      async run() {
        await openPlainDoors(servers, config)
        if (!config.insecureHttp) await refreshCertificate()
        if (servers.main.server.listening) return
        if (config.insecureHttp || loadedAtMs !== undefined) await openMain()
      },
    },
    { clock, log },
  )
}
