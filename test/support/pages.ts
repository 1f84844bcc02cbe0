/** All items of a list. */
export async function pages<Item>(
  list: (input: {
    query: { limit: string; after?: string }
  }) => Promise<{ body: { items: Item[]; next: string | null } }>,
): Promise<Item[]> {
  const items: Item[] = []
  let after: string | null = ''
  while (after !== null) {
    const { body } = await list({ query: { limit: '1000', ...(after ? { after } : {}) } })
    items.push(...body.items)
    after = body.next
  }
  return items
}
