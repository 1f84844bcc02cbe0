import { type Bounds, boundedReader, describeBounds } from '@plexd/runtime'
import { inContext } from './values.ts'

interface Row {
  /** One name, three spellings: `--data-dir`, `PLEXD_CP_DATA_DIR`, `data_dir:` in the file. */
  name: string
  /** The placeholder of the option's value; none for a switch. */
  value?: string
  /** The default, as it would be written. */
  default?: string
  /** The default in words, if it depends on other settings. */
  otherwise?: string
  /** May be repeated; comma-separated in the environment. */
  list?: true
  /** The name of a credential of systemd that is its file, unless another is named. */
  credential?: string
  /** Whether SIGHUP reloads it; then its users must read `app.config` each time. All others need a restart. */
  reloads?: true
  /** Of a number, or of a duration in milliseconds. */
  bounds?: Bounds
  /** What has to be there where its value points, or `config check` says so. */
  wants?: 'file' | 'folder'
  /** The description for the reference and `--help`. */
  help: string
}

export interface Setting<Value> extends Row {
  /** Parses the given value, undefined or null if there is none. Throws an error that names the setting and the expected value. */
  from(given: unknown): Value
}

/** A row with the parser of its text. */
type TextRow<Value> = Row & { read: (text: string, name: string) => Value }

export function withDefault<Value>(row: TextRow<Value> & { default: string }): Setting<Value> {
  const name = fileName(row)
  return { ...row, from: (given) => row.read(textOf(name, given) ?? row.default, name) }
}

export function optional<Value>(row: TextRow<Value>): Setting<Value | undefined> {
  const name = fileName(row)
  const from = (given: unknown): Value | undefined => {
    const text = textOf(name, given)
    return text === undefined ? undefined : row.read(text, name)
  }
  return { ...row, from }
}

/** What a row has whose value is a number, or a duration in milliseconds. */
export function within(bounds: Bounds) {
  const read = boundedReader(bounds)
  return {
    bounds,
    read: (text: string, name: string) => inContext(`${name} "${text}": `, () => read(text)),
  }
}

export const asIs = (text: string): string => text

/** `data-dir` as it is called in the file: `data_dir`. */
export function fileName({ name }: Pick<Row, 'name'>): string {
  return name.replaceAll('-', '_')
}

/** For `--help` and the reference. */
export function describeSetting(row: Row): string {
  const { help, default: standard, otherwise, credential, bounds } = row
  const without = standard ?? otherwise
  const told = bounds ? `${help}, ${describeBounds(bounds)}` : help
  const words = without === undefined ? told : `${told} (${without})`
  return credential === undefined ? words : `${words}; or the credential ${credential} of systemd`
}

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (value === '')
    throw new Error(`read config: "${name}" is empty: give it a value, or leave it out`)
  if (typeof value === 'object') throw new Error(`read config: "${name}" wants a text`)
  return String(value)
}
