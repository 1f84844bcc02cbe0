/** The config files of the packages: every setting with its default, all of them comments. */
import { agentLimits, agentSettings } from '@plexd/agent'
import {
  limits as controlPlaneLimits,
  describeSetting,
  fileName,
  settingRows,
} from '@plexd/control-plane'
import { formatDuration } from '@plexd/protocol'
import type { LimitTable } from '@plexd/runtime'

const foreword = (program: string, check: string): string[] => [
  `# Settings of ${program}. A line that begins with "#" and a word is a setting with its default: take the "#" away to change it,`,
  '# and that of the line above it that names the section. Most are right as they are.',
  `# What is wrong here, and what is mistyped:  ${check}`,
]

export function agentConfigText(): string {
  const lines = foreword('plexd', 'plexd config check')
  lines.push('# After a change: systemctl reload plexd, or restart for what the reload names.')
  const entries = agentSettings
    .filter(([name]) => name !== 'limits')
    .map(([name, { keys, default: value, help }]) => ({
      path: ownKey(keys).split('.'),
      value: yamlOf(name, value),
      help,
    }))
  return `${[...lines, ...entryLines(entries), ...limitLines(agentLimits)].join('\n')}\n`
}

interface Entry {
  /** The sections, and the key in the last of them. */
  path: string[]
  value: string
  help: string
}

/** The keys of a section come before the sections in it. */
function entryLines(entries: readonly Entry[], indent = ''): string[] {
  const own = entries.filter(({ path }) => path.length === 1)
  const deeper = entries.filter(({ path }) => path.length > 1)
  const lines = own.flatMap(({ path: [key], value, help }) => [
    ...(indent === '' ? [''] : []),
    `# ${indent}${help}`,
    `#${indent}${key}: ${value}`.trimEnd(),
  ])
  const sections = Map.groupBy(deeper, ({ path: [section] }) => section)
  for (const [section, rows] of sections) {
    const inside = rows.map((row) => ({ ...row, path: row.path.slice(1) }))
    lines.push(...(indent === '' ? [''] : []), `#${indent}${section}:`)
    lines.push(...entryLines(inside, `${indent}  `))
  }
  return lines
}

export function controlPlaneConfigText(): string {
  const check = 'plexd-control-plane config check /etc/plexd/control-plane.yaml'
  const lines = foreword('plexd-control-plane', check)
  lines.push('# After a change: systemctl reload plexd-control-plane, or restart.')
  for (const [key, row] of settingRows) {
    if (key === 'limits') continue
    const value = row.list ? '[]' : row.value === undefined ? 'false' : quoted(row.default ?? '')
    lines.push('', `# ${describeSetting(row)}`, `#${fileName(row)}: ${value}`.trimEnd())
  }
  return `${[...lines, ...limitLines(controlPlaneLimits)].join('\n')}\n`
}

/** The first that is not the name of a section too, which cannot be in the same file. */
function ownKey(keys: readonly string[]): string {
  const isSection = (key: string): boolean =>
    agentSettings.some(([, row]) => row.keys[0].startsWith(`${key}.`))
  return keys.find((key) => !isSection(key)) ?? (keys[0] as string) // there is always one
}

/** Nothing for a default that is described in words. */
function yamlOf(name: string, value: unknown): string {
  if (value === undefined || value === '') return ''
  if (typeof value === 'object') return JSON.stringify(value)
  return quoted(name.endsWith('Ms') ? formatDuration(Number(value)) : String(value))
}

function quoted(text: string): string {
  return /^[\w./-]*$/.test(text) ? text : JSON.stringify(text)
}

function limitLines(limits: LimitTable): string[] {
  const rows = Object.entries(limits).flatMap(([name, limit]) => [
    `#   ${limit.summary}${limit.unit === 'count' ? '' : `, in ${limit.unit}`}`,
    `#  ${name}: ${limit.default}`,
  ])
  return ['', '# What it lets others take.', '#limits:', ...rows]
}
