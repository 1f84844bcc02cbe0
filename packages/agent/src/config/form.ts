import { nearest } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import type { AgentConfig, Settings } from './agent-config.ts'

/**
 * The form of a config file: dotted path of a key -> where its value goes. `null` marks a key, or with `.*` a
 * whole section, that is known but not used by this version. A section with any used key has no
 * `.*`, because that would hide typos in it.
 */
export type Form = Readonly<Record<string, Target | null>>

export interface Target {
  /** Returns nothing for a value that is only validated. */
  to?: keyof AgentConfig
  /** Whether the value itself is a mapping, rather than a section with further keys. */
  mapping?: boolean
  /** Throws an error with the expected value. */
  read(value: unknown): unknown
}

export interface FormContent {
  settings: Settings
  /** The invalid values, in file order; they are not in the settings. */
  faults: { path: string; detail: string }[]
  unknownKeys: string[]
}

/** Empty values (`null`, `""`) count as absent. */
export function readForm(mapping: Record<string, unknown>, form: Form): FormContent {
  const settings: Settings = {}
  const faults: FormContent['faults'] = []
  const unknownKeys: string[] = []
  for (const { path, key, value } of readLeaves(mapping, form)) {
    if (key === undefined) unknownKeys.push(path)
    const target = key === undefined ? null : form[key]
    if (!target || value === null || value === '') continue
    try {
      Object.assign(settings, readSetting(target, value))
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      faults.push({ path, detail: error.message })
    }
  }
  return { settings, faults, unknownKeys }
}

/** Throws a CliError with the value and what is expected, after `source`. */
export function readSetting(target: Target, value: unknown, source = ''): Settings {
  try {
    const setTo = target.read(value)
    return target.to === undefined ? {} : { [target.to]: setTo }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CliError(`${source}${JSON.stringify(value)}: ${why}`, exitCodes.usage)
  }
}

/** The known key that an unknown one is probably a typo of. */
export function nearestKey(unknownKey: string, form: Form): string | undefined {
  return nearest(
    unknownKey,
    Object.keys(form).filter((known) => !known.endsWith('*')),
  )
}

interface Leaf {
  path: string
  /** The form's entry for the path. */
  key: string | undefined
  value: unknown
}

function readLeaves(mapping: Record<string, unknown>, form: Form, prefix = ''): Leaf[] {
  return Object.entries(mapping).flatMap(([name, value]): Leaf[] => {
    const path = prefix + name
    const isSection = typeof value === 'object' && value !== null && !Array.isArray(value)
    const key = keyOf(path, form, isSection)
    if (key !== undefined || !isSection) return [{ path, key, value }]
    return readLeaves({ ...value }, form, `${path}.`)
  })
}

function keyOf(path: string, form: Form, isSection: boolean): string | undefined {
  const exact = Object.keys(form).find((key) => plain(key) === plain(path))
  if (exact !== undefined && (!isSection || form[exact] === null || form[exact]?.mapping)) {
    return exact
  }
  const section = `${path.split('.')[0]}.*`
  return !isSection && Object.hasOwn(form, section) ? section : undefined
}

/** The Go agent's keys have no underscores, but people, and its own templates, write them with underscores. */
function plain(key: string): string {
  return key.toLowerCase().replaceAll('_', '')
}
