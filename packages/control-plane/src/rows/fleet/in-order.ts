/** What becomes of each id, in their order: a database returns rows in any. The item is undefined if there is none with the id. */
export function inOrder<Item extends { id: string }, Outcome>(
  ids: readonly string[],
  items: readonly Item[],
  outcomeOf: (item: Item | undefined, id: string) => Outcome | undefined,
): Outcome[] {
  const byId = new Map(items.map((item) => [item.id, item]))
  return ids.flatMap((id) => outcomeOf(byId.get(id), id) ?? [])
}
