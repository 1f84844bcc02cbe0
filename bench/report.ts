import type { Figure } from './bench.ts'

/** A line for the terminal, in the columns of `headings`. */
export function formatFigure(figure: Figure): string {
  const { id = '', what, unit, value, floor } = figure
  const numbers = [
    `${short(value)} ${unit}`,
    spreadOf(figure),
    floor ? short(floor.value) : '',
    ratioOf(figure),
    figure.target ? `${boundOf(figure)} ${isHeld(figure) ? 'held' : 'MISSED'}` : '',
  ]
  return lineOf(id, what, numbers)
}

/** Of the columns with numbers. */
const widths = [14, 18, 9, 9, 18]
export const headings = lineOf('', 'WHAT', ['FIGURE', 'SPREAD', 'FLOOR', 'RATIO', 'TARGET'])

function lineOf(id: string, what: string, numbers: readonly string[]): string {
  const columns = numbers.map((text, index) => text.padStart(widths[index] ?? 0))
  return [id.padEnd(4), what.padEnd(58), ...columns].join(' ').trimEnd()
}

/** The range of the rounds; empty without one. */
export function spreadOf({ low, high }: Figure): string {
  return low === undefined || high === undefined ? '' : `${short(low)} to ${short(high)}`
}

/** Against the floor; empty without one. */
export function ratioOf({ value, floor }: Figure): string {
  return floor ? `${short(value / floor.value)} ×` : ''
}

/** The target; empty without one. */
export function boundOf({ target }: Figure): string {
  if (!target) return ''
  return 'atMost' in target ? `≤ ${short(target.atMost)}` : `≥ ${short(target.atLeast)}`
}

/** Whether the target is held; undefined when there is none. */
export function isHeld({ value, target }: Figure): boolean | undefined {
  if (!target) return undefined
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast
}

/** Three significant digits, or a whole number. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}
