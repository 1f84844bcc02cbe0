/** Runs it for each item, at most `limit` at a time; the results are in the order of the items. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  limit: number,
  run: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  async function take(): Promise<void> {
    for (let index = next++; index < items.length; index = next++)
      results[index] = await run(items[index] as Item, index) // below its length
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, take))
  return results
}
