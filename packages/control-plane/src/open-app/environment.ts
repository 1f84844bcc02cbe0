import { ApiError } from '@plexd/protocol'
import type { Controls, Environment, Shown } from '../app.ts'
import type { Config } from '../config/config.ts'
import { createAddressOf } from '../http/connections/client-address.ts'

/** What the process runs with, and what changes of it while it runs. */
export function createEnvironment(
  given: Config,
  parts: Pick<Environment, 'metrics' | 'clock' | 'log' | 'life'>,
): Environment & Controls {
  let config = given
  let reloads: Environment['reloads'] = { needsRestart: [], error: undefined }
  let url = config.publicUrl ?? ''
  let shown: Shown | undefined
  let stopping = false
  return {
    ...parts,
    addressOf: createAddressOf(given.trustedProxies),
    get config() {
      return config
    },
    reconfigure(next) {
      config = next
    },
    get reloads() {
      return reloads
    },
    reloaded(how) {
      reloads = how
    },
    publicUrl: () => url,
    authority: () => shown?.current().ca,
    trusted: () => shown?.current().trusted,
    async ownAuthority() {
      if (shown?.current().ca !== undefined) return await shown.ownAuthority()
      const whose = shown ? 'its certificate is one of the settings' : 'it serves plain HTTP'
      throw new ApiError(
        'conflict',
        `replace authority: this control plane has none of its own: ${whose}`,
      )
    },
    refreshCertificate: async () => await shown?.refresh(),
    shows(certificate) {
      shown = certificate
    },
    servesAt(address) {
      url = config.publicUrl ?? address
    },
    notServing() {
      if (stopping) return 'stopping'
      return url === '' ? 'starting' : undefined
    },
    stop() {
      stopping = true
    },
  }
}
