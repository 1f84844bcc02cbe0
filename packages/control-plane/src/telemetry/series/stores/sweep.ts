import { setImmediate as turn } from 'node:timers/promises'

/** Takes steps until one has removed nothing, and lets others have their turn in between. Returns how many rows went. */
export async function sweep(step: () => Promise<number>): Promise<number> {
  let sum = 0
  for (let count = -1; count !== 0; sum += count) {
    count = await step()
    await turn()
  }
  return sum
}
