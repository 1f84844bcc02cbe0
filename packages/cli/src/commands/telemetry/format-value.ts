import { formatAge } from '@plexd/runtime'

const bytePrefixes = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `1.4 GiB`; `-` for nothing. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return '-'
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), bytePrefixes.length - 1)
  return `${formatNumber(bytes / 1024 ** power)} ${bytePrefixes[power]}`
}

/** `1.4 GiB (35%)` */
export function formatShare(used: number | null, total: number | null): string {
  if (used === null) return '-'
  const share = total ? ` (${Math.round((100 * used) / total)}%)` : ''
  return `${formatBytes(used)}${share}`
}

/** Three digits are enough to compare two of them. */
export function formatNumber(value: number | null): string {
  if (value === null) return '-'
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

/** With its unit, one of the table of metrics or that a second. */
export function formatUnit(value: number | null, unit: string): string {
  if (value === null) return '-'
  const perSecond = unit.endsWith(' per second') ? '/s' : ''
  switch (unit.replace(/ per second$/, '')) {
    case 'percent':
      return `${formatNumber(value)}%${perSecond}`
    case 'bytes':
      return `${formatBytes(value)}${perSecond}`
    case 'milliseconds':
      return `${formatNumber(value)} ms${perSecond}`
    case 'seconds':
      return perSecond === '' ? formatAge(0, value * 1_000) : `${formatNumber(value)} s/s`
    default:
      return `${formatNumber(value)}${perSecond}`
  }
}
