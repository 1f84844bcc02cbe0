import { parseCidr, rangeFault } from '@plexd/protocol'
import { type LogLevel, logLevels, parseLimit, resolveLimits } from '@plexd/runtime'
import { type Limits, limits } from '../../limits.ts'

export function parseSwitch(name: string, value: unknown): boolean {
  const text = String(value ?? 'false')
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  throw new Error(`read config: "${name}" is "${text}": want true or false`)
}

export function parseList(name: string, value: unknown): string[] {
  if (value === undefined || value === null) return []
  const list = Array.isArray(value) ? value : String(value).split(',')
  return list.map((item) => {
    if (typeof item !== 'string') throw new Error(`read config: "${name}" wants a list of texts`)
    return item.trim()
  })
}

/** The mapping in the file, overridden by flag or environment. */
export function readLimits(mapping: unknown, list: unknown): Limits {
  if (typeof list === 'object' && list !== null && !Array.isArray(list))
    throw new Error('read config: "limit" is no mapping: write it as "limits"')
  if (mapping !== undefined && (typeof mapping !== 'object' || mapping === null))
    throw new Error('read config: "limits" wants a mapping of names to numbers')
  return inContext('', () => {
    const listed = Object.fromEntries(parseList('limit', list).map(parseLimit))
    return resolveLimits(limits, { ...mapping, ...listed })
  })
}

export function parseMeshCidr(text: string): string {
  const setting = `mesh_cidr "${text}": `
  const range = inContext(setting, () => parseCidr(text))
  const fault = rangeFault(range)
  if (fault !== undefined) throw new Error(`read config: ${setting}${fault}`)
  return text
}

export function parseLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text)
  if (!level) throw new Error(`read config: log_level "${text}": want ${logLevels.join(', ')}`)
  return level
}

/** Prefixes the error of a general parser with the name of the setting. */
export function inContext<Value>(setting: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw new Error(
      `read config: ${setting}${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
