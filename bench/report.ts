import type { Figure } from './bench.ts'

/** A line for the terminal, in the columns of `headings`. */
export function formatFigure(figure: Figure): string {
  const { id = '', what, unit, value, low, high, floor, target } = figure
  const spread = low === undefined || high === undefined ? '' : `${short(low)} to ${short(high)}`
  const ratio = floor ? `${short(value / floor.value)} ×` : ''
  return [
    id.padEnd(4),
    what.padEnd(58),
    `${short(value)} ${unit}`.padStart(14),
    spread.padStart(18),
    (floor ? short(floor.value) : '').padStart(9),
    ratio.padStart(9),
    (target ? describeTarget(figure) : '').padStart(18),
  ]
    .join(' ')
    .trimEnd()
}

export const headings = [
  ''.padEnd(4),
  'WHAT'.padEnd(58),
  'FIGURE'.padStart(14),
  'SPREAD'.padStart(18),
  'FLOOR'.padStart(9),
  'RATIO'.padStart(9),
  'TARGET'.padStart(18),
].join(' ')

/** Whether the target is held; undefined when there is none. */
export function isHeld({ value, target }: Figure): boolean | undefined {
  if (!target) return undefined
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast
}

function describeTarget(figure: Figure): string {
  const { target } = figure
  if (!target) return ''
  const text = 'atMost' in target ? `≤ ${short(target.atMost)}` : `≥ ${short(target.atLeast)}`
  return `${text} ${isHeld(figure) ? 'held' : 'MISSED'}`
}

/** Three significant digits, or a whole number. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}
