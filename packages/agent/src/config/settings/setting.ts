import { type BoundedReader, type Bounds, describeBounds } from '@plexd/runtime'

/** A setting, with all the places where it can be set. */
export interface Setting<Value> {
  /** Durations are milliseconds here, and text with a unit wherever they are written. */
  default: Value
  /** Parses a value from YAML, which has types, or the environment, which has text. Throws an error with the expected value. */
  read(value: unknown): Value
  /**
   * Its paths in the config file: first the form of the README, which is the documented one; then that of the
   * Go agent's structures, and that of `plexd install` and the cloud-init templates. No key has two meanings.
   */
  keys: readonly [string, ...string[]]
  /** Whether the value itself is a mapping, rather than a section with further keys. */
  mapping?: true
  env?: string
  /** In commander's syntax. */
  flag?: string
  /** The description of its `--no-` form; without one there is no such form. */
  off?: string
  /** The allowed values of the flag; undefined for any. */
  choices?: readonly string[]
  /** Whether a dump of the settings shows its value; without this it always does. `unredacted`: only to who asks for it. */
  shown?: 'never' | 'unredacted'
  /** The name of a credential of systemd that is its file, unless another is named. */
  credential?: string
  /** Whether it is of no use any more once the node is registered. */
  registers?: true
  /** Whether SIGHUP reloads it; all others need a restart. */
  reloads?: true
  /** What has to be there where its value points, or `config check` says so. */
  wants?: 'file' | 'folder'
  /** The description for the reference and `--help`: starts in lower case, no full stop. */
  help: string
}

/** What it sets, and what it is read from beside its own spellings. */
export function describeSetting({
  help,
  credential,
  read,
}: Pick<Setting<unknown>, 'help' | 'credential' | 'read'>) {
  const bounds = boundsOf(read)
  const words = bounds ? `${help}; ${describeBounds(bounds)}` : help
  return credential === undefined ? words : `${words}; or the credential ${credential} of systemd`
}

/** Undefined if its value is no number. */
export function boundsOf(read: Setting<unknown>['read']): Bounds | undefined {
  return 'bounds' in read ? (read as BoundedReader).bounds : undefined // only these have some
}

/** A row. Default and parser come first, and must agree in their type. */
export function setting<Value>(
  preset: Value,
  read: Setting<Value>['read'],
  forms: Omit<Setting<Value>, 'default' | 'read'>,
): Setting<Value> {
  return { default: preset, read, ...forms }
}
