import type { Form } from './form.ts'
import { settingRows } from './settings.ts'
import { noSkipVerify } from './values.ts'

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
  'observe.*': null,
  'logs.*': null,
  'audit.*': null,
  'access.*': null,
  'bridge.*': null,
  'peer_exchange.*': null,
  'metrics.*': null,
  'log_fwd.*': null,
  'audit_fwd.*': null,
  'integrity.enabled': null,
  'integrity.binarypath': null,
  'tunnel.*': null,
}
