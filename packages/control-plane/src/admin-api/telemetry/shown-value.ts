/** As many digits as a double has for every number: with more, clients that keep numbers exactly would not take it for one. */
export function shownValue(value: number): number {
  return Number(value.toPrecision(15))
}
