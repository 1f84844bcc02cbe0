/** Of what one transaction writes; an item that has more is a page of its own. */
const maxPageBytes = 4 * 1024 * 1024
const maxPageItems = 500

/** Items in their order, as many at once as may be in memory. */
export function* inPages<Item>(
  items: Iterable<Item>,
  sizeOf: (item: Item) => number,
): Generator<Item[]> {
  let page: Item[] = []
  let bytes = 0
  for (const item of items) {
    const itemBytes = sizeOf(item)
    if (page.length > 0 && (page.length === maxPageItems || bytes + itemBytes > maxPageBytes)) {
      yield page
      page = []
      bytes = 0
    }
    page.push(item)
    bytes += itemBytes
  }
  if (page.length > 0) yield page
}
