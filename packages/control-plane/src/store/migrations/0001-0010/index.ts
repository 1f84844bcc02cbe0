import * as init from './0001-init.ts'
import * as localEndpoints from './0002-local-endpoints.ts'
import * as pskEpoch from './0003-psk-epoch.ts'
import * as keyAge from './0004-key-age.ts'
import * as nextSecrets from './0005-next-secrets.ts'
import * as entryKeys from './0006-entry-keys.ts'
import * as endpointUntold from './0007-endpoint-untold.ts'
import * as labels from './0008-labels.ts'
import * as lives from './0009-lives.ts'
import * as reportWriters from './0010-report-writers.ts'

/** In order. */
export const migrations = [
  init,
  localEndpoints,
  pskEpoch,
  keyAge,
  nextSecrets,
  entryKeys,
  endpointUntold,
  labels,
  lives,
  reportWriters,
]
