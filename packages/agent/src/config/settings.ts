import { logLevels, resolveLimits } from '@plexd/runtime'
import { limits } from './limits.ts'
import { actionSettings } from './settings/actions.ts'
import { localApiSettings } from './settings/local-api.ts'
import { meshSettings } from './settings/mesh.ts'
import { registrationSettings } from './settings/registration.ts'
import { sessionSettings } from './settings/sessions.ts'
import { type Setting, setting } from './settings/setting.ts'
import { telemetrySettings } from './settings/telemetry.ts'
import { upgradeSettings } from './settings/upgrades.ts'
import {
  commaSeparated,
  duration,
  fingerprint,
  flag,
  longestSilenceMs,
  mapping,
  oneOf,
  text,
  word,
} from './settings/values.ts'

export const settings = {
  apiUrl: setting('', commaSeparated, {
    keys: ['api', 'api.baseurl', 'api_url'],
    env: 'PLEXD_API',
    flag: '--api <url>',
    help: 'control plane, https://HOST[:PORT]; several addresses of it as a list, or with commas in between',
  }),
  caFile: setting<string | undefined>(undefined, text, {
    keys: ['ca_file', 'api.cafile'],
    wants: 'file',
    env: 'PLEXD_CA_FILE',
    flag: '--ca-file <file>',
    help: "its authority in PEM; the system's by default",
  }),
  caFingerprint: setting<string | undefined>(undefined, fingerprint, {
    keys: ['ca_fingerprint'],
    env: 'PLEXD_CA_FINGERPRINT',
    flag: '--ca-fingerprint <sha256:hex>',
    help: "of its authority's certificate, which is then fetched from it and compared",
  }),
  insecureHttp: setting(false, flag, {
    keys: ['insecure_http', 'api.insecurehttp'],
    env: 'PLEXD_INSECURE_HTTP',
    flag: '--insecure-http',
    help: 'allow http:// to this very machine',
  }),
  requestTimeoutMs: setting(30_000, duration(1_000, longestSilenceMs), {
    keys: ['api.requesttimeout'],
    help: 'a request to the control plane that takes longer is given up',
  }),
  streamIdleMs: setting(90_000, duration(1_000, longestSilenceMs), {
    keys: ['api.sseidletimeout'],
    help: 'a stream of events without a byte for this long is given up',
  }),
  dataDir: setting('/var/lib/plexd', text, {
    keys: ['data_dir'],
    env: 'PLEXD_DATA_DIR',
    flag: '--data-dir <dir>',
    help: 'identity and state',
  }),
  hostname: setting('', text, {
    keys: ['hostname', 'registration.hostname'],
    env: 'PLEXD_HOSTNAME',
    flag: '--hostname <name>',
    help: "name in the tenant; the machine's own by default",
  }),
  mode: setting('node', oneOf('node', 'bridge'), {
    keys: ['mode'],
    env: 'PLEXD_MODE',
    flag: '--mode <mode>',
    choices: ['node', 'bridge'],
    help: 'role of the node',
  }),
  logLevel: setting('info', word(...logLevels), {
    keys: ['log_level'],
    env: 'PLEXD_LOG_LEVEL',
    flag: '--log-level <level>',
    choices: logLevels.filter((level) => level !== 'silent'),
    reloads: true,
    help: 'how much to log',
  }),
  ...registrationSettings,
  heartbeatMs: setting(30_000, duration(1_000), {
    keys: ['heartbeat.interval', 'heartbeat_interval'],
    help: 'how often the node says that it is alive',
  }),
  reconcileMs: setting(60_000, duration(1_000), {
    keys: ['reconcile.interval', 'reconcile_interval'],
    help: 'how often it looks for itself whether it is as it should be',
  }),
  ...localApiSettings,
  ...actionSettings,
  ...sessionSettings,
  ...upgradeSettings,
  ...meshSettings,
  ...telemetrySettings,
  deregisterOnShutdown: setting(false, flag, {
    keys: ['deregister_on_shutdown'],
    help: 'leave the mesh, and be forgotten by the control plane, whenever plexd is stopped',
  }),
  limits: setting(
    resolveLimits(limits, {}),
    (value) => resolveLimits(limits, mapping(value, 'limits to numbers')),
    {
      keys: ['limits'],
      mapping: true,
      help: 'a mapping of the limits below to numbers',
    },
  ),
}

type Rows = typeof settings
type ValueOf<Row> = Row extends Setting<infer Value> ? Value : never

/** The value of each. */
export type SettingValues = { [Name in keyof Rows]: ValueOf<Rows[Name]> }

export type SettingName = keyof Rows

/** The rows with their names, in the order of the table. */
export const settingRows = Object.entries(settings) as [SettingName, Setting<unknown>][] // the names of the table

/** Those that may be a credential of systemd, with its name. */
export const credentialNames = settingRows.map(
  ([name, { credential }]) => [name, credential] as const,
)

/** Those that SIGHUP changes. */
export const reloading: ReadonlySet<string> = new Set(
  settingRows.flatMap(([name, { reloads }]) => (reloads ? [name] : [])),
)
