/** To so many significant digits; the largest of all numbers stay as they are, of which rounding makes infinity. Pure. */
export function roundTo(value: number, digits: number): number {
  const rounded = Number(value.toPrecision(digits))
  return Number.isFinite(rounded) ? rounded : value
}
