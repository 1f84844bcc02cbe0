import type { Form } from './form.ts'
import { noSkipVerify } from './settings/values.ts'
import { settingRows } from './settings.ts'

/** All keys of a config file. */
export const configForm: Form = {
  ...Object.fromEntries(
    settingRows.flatMap(([to, { keys, mapping = false, read }]) =>
      keys.map((key) => [key, { to, mapping, read }]),
    ),
  ),
  'api.tlsinsecureskipverify': { read: noSkipVerify },
  'api.connecttimeout': null,
  // Required by the Go agent, which overwrites them with data_dir.
  'registration.datadir': null,
  'node_api.datadir': null,
  'heartbeat.nodeid': null,
  'node_api.shutdowntimeout': null,
  'node_api.secretauthenabled': null,
  'access.*': null,
  'bridge.*': null,
  'peer_exchange.*': null,
  // Journald and the kernel tell when there is something, and batches are as large as what has come.
  'metrics.batchsize': null,
  'log_fwd.collectinterval': null,
  'log_fwd.batchsize': null,
  'audit_fwd.collectinterval': null,
  'audit_fwd.batchsize': null,
  'integrity.enabled': null,
  'integrity.binarypath': null,
  'tunnel.*': null,
}
