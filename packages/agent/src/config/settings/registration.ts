import { setting } from './setting.ts'
import { duration, flag, longestSilenceMs, mapping, path, text } from './values.ts'

/** With what a machine enrols; of no use once it has. */
export const registrationSettings = {
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
  tokenMetadataTimeoutMs: setting(2_000, duration(100, longestSilenceMs), {
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
}

/** A mapping of strings; numbers and booleans are converted as written. */
function labels(value: unknown): Record<string, string> {
  const pairs = Object.entries(mapping(value, 'names to texts')).map(([name, label]) => {
    if (typeof label === 'object') throw new TypeError(`want a text under "${name}"`)
    return [name, String(label)]
  })
  return Object.fromEntries(pairs)
}

/** The same; "-" is stdin. */
function joinPath(value: unknown): string {
  return value === '-' ? '-' : path(value)
}
