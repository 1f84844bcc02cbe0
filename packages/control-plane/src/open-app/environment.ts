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
  let holder: string | undefined
  let isServing = false
  let draining = false
  let stopping = false
  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>()
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
    noAuthority() {
      if (!shown) return 'it serves plain HTTP'
      if (shown.current().ca !== undefined) return undefined
      return 'its certificate is one of the settings (tls_cert), and nodes are told of no authority of its own until that is left out'
    },
    ownAuthority: async () =>
      shown?.current().ca === undefined ? undefined : await shown.ownAuthority(),
    refreshCertificate: async () => await shown?.refresh(),
    shows(certificate) {
      shown = certificate
    },
    waits(other) {
      holder = other
    },
    servesAt(address) {
      url = config.publicUrl ?? address
      isServing = true
    },
    notServing() {
      if (stopping) return 'stopping'
      if (holder !== undefined) return 'waiting'
      return isServing ? undefined : 'starting'
    },
    waitsFor: () => holder,
    isDraining: () => draining,
    drain() {
      draining = true
    },
    stop() {
      stopping = true
    },
    fail,
    failed,
  }
}
