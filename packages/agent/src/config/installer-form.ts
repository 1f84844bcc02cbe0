import { type Form, setting } from './form.ts'
import { duration, flag, longestSilenceMs, text } from './values.ts'

/** Flat keys, as `plexd install` and the cloud-init templates write them. */
export const installerForm: Form = {
  api_url: setting('apiUrl', text),
  token: setting('tokenValue', text),
  token_file: setting('tokenFile', text),
  token_env: setting('tokenEnv', text),
  use_metadata: setting('tokenFromMetadata', flag),
  metadata_token_path: setting('tokenMetadataPath', text),
  metadata_timeout: setting('tokenMetadataTimeoutMs', duration(1, longestSilenceMs)),
  socket: setting('socketPath', text),
  socket_path: setting('socketPath', text),
  heartbeat_interval: setting('heartbeatMs', duration(1_000)),
  reconcile_interval: setting('reconcileMs', duration(1_000)),
}
