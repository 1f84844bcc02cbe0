import { logLevels, resolveLimits } from '@plexd/runtime'
import { limits } from './limits.ts'
import { type Setting, setting } from './setting.ts'
import { telemetrySettings } from './telemetry-settings.ts'
import {
  cidrs,
  count,
  duration,
  fingerprint,
  flag,
  interfaceName,
  joinPath,
  labels,
  limitNumbers,
  logLevel,
  longestSilenceMs,
  mappings,
  oneOf,
  path,
  releaseKeys,
  stunServers,
  text,
} from './values.ts'

export const settings = {
  apiUrl: setting('', text, {
    keys: ['api', 'api.baseurl', 'api_url'],
    env: 'PLEXD_API',
    flag: '--api <url>',
    help: 'control plane, https://HOST[:PORT]',
  }),
  caFile: setting<string | undefined>(undefined, text, {
    keys: ['ca_file', 'api.cafile'],
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
  logLevel: setting('info', logLevel, {
    keys: ['log_level'],
    env: 'PLEXD_LOG_LEVEL',
    flag: '--log-level <level>',
    choices: logLevels.filter((level) => level !== 'silent'),
    reloads: true,
    help: 'how much to log',
  }),
  tokenValue: setting<string | undefined>(undefined, text, {
    keys: ['token.value', 'registration.tokenvalue', 'token'],
    registers: true,
    shown: 'never',
    help: 'the bootstrap token itself; the sources after it are a file, an environment variable, the metadata of the cloud',
  }),
  tokenFile: setting('/etc/plexd/bootstrap-token', text, {
    keys: ['token.file', 'registration.tokenfile', 'token_file'],
    registers: true,
    env: 'PLEXD_BOOTSTRAP_TOKEN_FILE',
    flag: '--token-file <file>',
    credential: 'plexd.token',
    help: 'bootstrap token; removed once it is used',
  }),
  joinFile: setting('/etc/plexd/join', joinPath, {
    keys: ['join_file'],
    registers: true,
    env: 'PLEXD_JOIN_FILE',
    flag: '--join-file <file>',
    credential: 'plexd.join',
    help: 'join string, which has address, token and authority in one; "-" reads it from stdin; removed once it is used',
  }),
  tokenEnv: setting('PLEXD_BOOTSTRAP_TOKEN', text, {
    keys: ['token.env', 'registration.tokenenv', 'token_env'],
    registers: true,
    help: 'the environment variable that the token may be in',
  }),
  tokenFromMetadata: setting(false, flag, {
    keys: ['token.metadata', 'registration.usemetadata', 'use_metadata'],
    registers: true,
    help: 'ask the metadata service of the cloud for the token',
  }),
  tokenMetadataPath: setting('/plexd/bootstrap-token', text, {
    keys: ['registration.metadatatokenpath', 'metadata_token_path'],
    registers: true,
    help: 'where the metadata service has the token',
  }),
  tokenMetadataTimeoutMs: setting(2_000, duration(1, longestSilenceMs), {
    keys: ['registration.metadatatimeout', 'metadata_timeout'],
    registers: true,
    help: 'how long the metadata service is waited for',
  }),
  nodeMetadata: setting<Record<string, string>>({}, labels, {
    keys: ['metadata', 'registration.metadata'],
    registers: true,
    mapping: true,
    shown: 'unredacted',
    help: 'labels to register with, beside os, arch and kernel',
  }),
  registerForMs: setting(5 * 60_000, duration(0), {
    keys: ['registration.maxretryduration'],
    registers: true,
    help: '`plexd join` gives up after this long',
  }),
  heartbeatMs: setting(30_000, duration(1_000), {
    keys: ['heartbeat.interval', 'heartbeat_interval'],
    help: 'how often the node says that it is alive',
  }),
  reconcileMs: setting(60_000, duration(1_000), {
    keys: ['reconcile.interval', 'reconcile_interval'],
    help: 'how often it looks for itself whether it is as it should be',
  }),
  socketEnabled: setting(true, flag, {
    keys: ['node_api.enabled'],
    env: 'PLEXD_NODE_API_ENABLED',
    help: 'serve the Local Node API on a Unix socket',
  }),
  socketPath: setting('/var/run/plexd/api.sock', text, {
    keys: ['node_api.socket', 'node_api.socketpath', 'socket', 'socket_path'],
    env: 'PLEXD_NODE_API_SOCKET',
    flag: '--socket <path>',
    help: 'Local Node API',
  }),
  httpEnabled: setting(false, flag, {
    keys: ['node_api.http.enabled', 'node_api.httpenabled'],
    env: 'PLEXD_NODE_API_HTTP_ENABLED',
    help: 'serve the Local Node API over TCP too',
  }),
  httpListen: setting('127.0.0.1:9100', text, {
    keys: ['node_api.http.listen', 'node_api.httplisten'],
    env: 'PLEXD_NODE_API_HTTP_LISTEN',
    help: 'where it is served then',
  }),
  httpTokenFile: setting<string | undefined>(undefined, text, {
    keys: ['node_api.http.token_file', 'node_api.httptokenfile'],
    credential: 'plexd.http-token',
    help: 'the token that callers over TCP have to show',
  }),
  reportDebounceMs: setting(5_000, duration(0), {
    keys: ['node_api.debounce', 'node_api.debounceperiod'],
    help: 'how long reports of local programs are gathered before they are sent',
  }),
  actionsEnabled: setting(true, flag, {
    keys: ['actions.enabled'],
    env: 'PLEXD_ACTIONS_ENABLED',
    help: 'run actions that operators ask for',
  }),
  maxConcurrentActions: setting(5, count(1, 1_000), {
    keys: ['actions.max_concurrent', 'actions.maxconcurrent'],
    env: 'PLEXD_ACTIONS_MAX_CONCURRENT',
    reloads: true,
    help: 'how many of them at a time',
  }),
  maxActionMs: setting(10 * 60_000, duration(1_000, longestSilenceMs), {
    keys: ['actions.max_timeout', 'actions.maxactiontimeout'],
    reloads: true,
    help: 'no action runs longer, whatever a request asks for',
  }),
  hooksEnabled: setting(true, flag, {
    keys: ['hooks.enabled'],
    env: 'PLEXD_HOOKS_ENABLED',
    help: "offer this machine's own hooks as actions too",
  }),
  hooksDir: setting('/etc/plexd/hooks.d', path, {
    keys: ['hooks.dir', 'actions.hooksdir', 'integrity.hooksdir'],
    env: 'PLEXD_HOOKS_DIR',
    flag: '--hooks-dir <dir>',
    help: 'the folder with the hooks: every executable file in it is one',
  }),
  hookDefinitions: setting<readonly Readonly<Record<string, unknown>>[]>([], mappings, {
    keys: ['hooks.definitions'],
    help: 'a list of hooks with what is declared of each, in place of a file beside it; docs/guides/hooks.md has the fields',
  }),
  hooksCheckMs: setting(5 * 60_000, duration(1_000), {
    keys: ['hooks.verify_interval', 'integrity.verifyinterval'],
    help: 'how often the files of hooks are looked at, beside whenever one changes',
  }),
  sessionsEnabled: setting(true, flag, {
    keys: ['sessions.enabled'],
    env: 'PLEXD_SESSIONS_ENABLED',
    reloads: true,
    help: 'let operators open sessions on this node: a shell, files, forwards',
  }),
  maxSessions: setting(10, count(1, 1_000), {
    keys: ['sessions.max_sessions'],
    reloads: true,
    help: 'how many of them at a time',
  }),
  sessionsPort: setting(8_022, count(1, 65_535), {
    keys: ['sessions.port'],
    help: 'TCP port on the mesh address for sessions by the mesh; open only while one waits or runs',
  }),
  sessionIdleMs: setting(60 * 60_000, duration(1_000, longestSilenceMs), {
    keys: ['sessions.idle_timeout'],
    reloads: true,
    help: 'no session is kept longer without a byte in either direction, whatever a request asks for',
  }),
  maxSessionMs: setting(12 * 3_600_000, duration(1_000, longestSilenceMs), {
    keys: ['sessions.max_length'],
    reloads: true,
    help: 'no session is longer, whatever a request asks for',
  }),
  sessionRecordingBytes: setting(256 * 1024 * 1024, count(64 * 1024, 2 ** 40), {
    keys: ['sessions.recording_bytes'],
    reloads: true,
    help: 'what the recording of one session may take, in bytes as it is stored, packed; past it the session ends',
  }),
  upgradeKeys: setting<readonly string[]>([], releaseKeys, {
    keys: ['upgrade.keys'],
    help: 'the release keys whose builds the node upgrades to, beside those that its own build has: files in PEM, or 32 bytes in base64; one or a list',
  }),
  upgradeDeadlineMs: setting(2 * 60_000, duration(1_000, longestSilenceMs), {
    keys: ['upgrade.deadline'],
    help: 'a new version that has not shown that it works by then is rolled back',
  }),
  upgradeSettleMs: setting(90_000, duration(0, longestSilenceMs), {
    keys: ['upgrade.settle'],
    help: 'how long a new version has to run at least before it counts as working; at most three quarters of the deadline',
  }),
  upgradeStarts: setting(3, count(1, 100), {
    keys: ['upgrade.starts'],
    help: 'a new version that ends this often before it counts as working is rolled back',
  }),
  meshEnabled: setting(true, flag, {
    keys: ['mesh.enabled'],
    flag: '--mesh',
    off: 'leave the network alone, from now on',
    help: 'bring up the mesh, as is the rule; ends an earlier --no-mesh',
  }),
  meshInterface: setting('plexd0', interfaceName, {
    keys: ['mesh.interface', 'wireguard.interfacename'],
    help: 'name of the mesh interface',
  }),
  meshPort: setting(51_820, count(1, 65_535), {
    keys: ['mesh.listen_port', 'wireguard.listenport'],
    help: 'UDP port of WireGuard',
  }),
  meshMtu: setting<number | undefined>(undefined, count(576, 9_000), {
    keys: ['mesh.mtu', 'wireguard.mtu'],
    help: 'of the mesh interface, in bytes; what fits into 1500 by default',
  }),
  meshRanges: setting<readonly string[] | undefined>(undefined, cidrs, {
    keys: ['mesh.range'],
    help: 'the only ranges that the mesh may have (CIDR), one or a list; what the control plane says by default',
  }),
  meshForeignAllowedIps: setting(false, flag, {
    keys: ['mesh.foreign_allowed_ips'],
    help: 'whether peers may have addresses outside the mesh',
  }),
  policyEnabled: setting(true, flag, {
    keys: ['policy.enabled'],
    help: 'filter packets on the mesh; without, every peer reaches every port',
  }),
  policyDefault: setting('deny', oneOf('allow', 'deny'), {
    keys: ['policy.default'],
    help: 'for flows that no rule is about: allow or deny',
  }),
  policyLogDenied: setting(false, flag, {
    keys: ['policy.log_denied'],
    help: 'have the kernel log denied packets',
  }),
  natEnabled: setting(true, flag, {
    keys: ['nat_traversal.enabled', 'nat.enabled'],
    help: 'ask STUN servers where this node is seen',
  }),
  stunServers: setting<readonly string[] | undefined>(undefined, stunServers, {
    keys: ['nat_traversal.stun_servers', 'nat.stunservers'],
    help: "a list of HOST[:PORT], in the order of preference; that of the control plane's host, then public ones by default",
  }),
  natRefreshMs: setting(60_000, duration(10_000), {
    keys: ['nat_traversal.refresh_interval', 'nat.refreshinterval'],
    help: 'how often STUN servers are asked',
  }),
  ...telemetrySettings,
  deregisterOnShutdown: setting(false, flag, {
    keys: ['deregister_on_shutdown'],
    help: 'leave the mesh, and be forgotten by the control plane, whenever plexd is stopped',
  }),
  limits: setting(resolveLimits(limits, {}), limitNumbers, {
    keys: ['limits'],
    mapping: true,
    help: 'a mapping of the limits below to numbers',
  }),
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
