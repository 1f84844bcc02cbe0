import type { Random } from './random.ts'

/** As many bytes at the beginning of a file are its head. */
const headBytes = 64

/** A file with a bit that is another in its head, its middle and its end, `count` of each, and one that has grown and one that is cut, each with what was done to it. */
export function* changedFiles(
  good: Buffer,
  random: Random,
  count: number,
): Generator<[what: string, bad: Buffer]> {
  const head = Math.min(headBytes, good.length)
  const regions = [
    [0, head],
    [0, good.length],
    [good.length - head, head],
  ] as const
  for (const [from, length] of regions)
    for (let turn = 0; turn < count; turn++) {
      const at = from + random.below(length)
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ (1 << random.below(8))
      yield [`another bit in byte ${at}`, bad]
    }
  const more = 1 + random.below(good.length)
  yield [`${more} bytes more`, Buffer.concat([good, good.subarray(0, more)])]
  const left = random.below(good.length)
  yield [`only ${left} bytes`, good.subarray(0, left)]
}
