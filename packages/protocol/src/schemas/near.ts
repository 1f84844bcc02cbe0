/** The candidate that differs from a text by one letter or two swapped ones: the likely intent behind a typo. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  for (const candidate of candidates) if (isNear(candidate, text)) return candidate
  return undefined
}

function isNear(known: string, given: string): boolean {
  let start = 0
  while (start < known.length && known[start] === given[start]) start++
  const room = Math.min(known.length, given.length) - start
  let end = 0
  while (end < room && known.at(-1 - end) === given.at(-1 - end)) end++
  const left = known.slice(start, known.length - end)
  const right = given.slice(start, given.length - end)
  return (left.length <= 1 && right.length <= 1) || left === [...right].reverse().join('')
}
