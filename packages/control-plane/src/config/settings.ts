import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { logLevels } from '@plexd/runtime'

/** A setting has one name in three spellings: `--data-dir`, `PLEXD_CP_DATA_DIR`, `data_dir:` in the file. */
export interface Setting {
  flag: string
  /** What stands behind the flag; none for a switch. */
  value?: string
  description: string
  /** May be given more than once; in the environment separated by commas. */
  list?: true
}

export const settings: readonly Setting[] = [
  {
    flag: 'data-dir',
    value: 'DIR',
    description: 'where everything is kept (/var/lib/plexd-control-plane)',
  },
  {
    flag: 'listen',
    value: 'HOST:PORT',
    description: 'address to serve on; port 0 takes a free one (0.0.0.0:8443)',
  },
  {
    flag: 'stun-listen',
    value: 'HOST:PORT',
    description:
      'UDP address to tell nodes their public endpoint on, or "off" (HOST of --listen, port 3478)',
  },
  {
    flag: 'admin-socket',
    value: 'PATH',
    description:
      'Unix socket for operators on this machine, who need a token here too; it answers also when the port is full; or "off" (DATA_DIR/admin.sock)',
  },
  {
    flag: 'metrics-listen',
    value: 'HOST:PORT',
    description:
      'address for /metrics and the health checks over plain HTTP, which --listen then serves no metrics on',
  },
  { flag: 'insecure-http', description: 'serve plain HTTP; on loopback addresses only' },
  {
    flag: 'tls-cert',
    value: 'FILE',
    description: 'certificate to serve with, instead of one of our own authority; wants --tls-key',
  },
  { flag: 'tls-key', value: 'FILE', description: 'its private key; wants --tls-cert' },
  {
    flag: 'ca-key-file',
    value: 'FILE',
    description: 'key of our own authority, to keep it elsewhere (DATA_DIR/tls/ca.key)',
  },
  {
    flag: 'master-key-file',
    value: 'FILE',
    description: 'what the database is sealed under, to keep it elsewhere (DATA_DIR/master.key)',
  },
  {
    flag: 'tls-san',
    value: 'NAME',
    description: 'further name or address for our certificate; repeatable',
    list: true,
  },
  {
    flag: 'public-url',
    value: 'URL',
    description:
      'how nodes reach this control plane (where it listens; for 0.0.0.0 the first --tls-san, else an address of this machine, else its name)',
  },
  {
    flag: 'mesh-cidr',
    value: 'CIDR',
    description:
      'mesh addresses of a new installation (10.100.0.0/16); one that is no range of an installation is refused, for `plexctl mesh range add` gives it another',
  },
  {
    flag: 'heartbeat-interval',
    value: 'DURATION',
    description: 'how often nodes are expected to report (30s)',
  },
  {
    flag: 'key-max-age',
    value: 'DURATION',
    description: 'age before which nodes are asked for new keys; 0 for never (4320h)',
  },
  {
    flag: 'limit',
    value: 'NAME=NUMBER',
    description: 'another value for one of the limits of docs/reference/settings.md; repeatable',
    list: true,
  },
  { flag: 'log-level', value: 'LEVEL', description: `one of ${logLevels.join(', ')} (info)` },
]

/** What was given, by the name of the file: strings, true for a switch, lists. */
export type Given = Readonly<Record<string, unknown>>

/** What the environment gives. */
export function envSettings(env: NodeJS.ProcessEnv): Given {
  return Object.fromEntries(
    settings.flatMap(({ flag }) => {
      const value = env[`PLEXD_CP_${fileName(flag).toUpperCase()}`]
      return value === undefined || value === '' ? [] : [[fileName(flag), value]]
    }),
  )
}

/** Keys that systemd hands over (`LoadCredential=master.key:…`, `ca.key`), in place of those in the data folder. */
export function credentialSettings(env: NodeJS.ProcessEnv): Given {
  const folder = env.CREDENTIALS_DIRECTORY
  if (folder === undefined || folder === '') return {}
  const files = { master_key_file: join(folder, 'master.key'), ca_key_file: join(folder, 'ca.key') }
  return Object.fromEntries(Object.entries(files).filter(([, path]) => existsSync(path)))
}

/** `data-dir` as it is called in the file: `data_dir`. */
export function fileName(flag: string): string {
  return flag.replaceAll('-', '_')
}
