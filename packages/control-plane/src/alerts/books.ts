import type { Clock } from '@plexd/runtime'
import type { Fleet } from '../mesh/fleet.ts'
import type { Store } from '../store/db.ts'
import { type Book, readBook } from './book.ts'

interface BooksDeps {
  store: Pick<Store, 'reader'>
  fleet: Pick<Fleet, 'nodes'>
  clock: Pick<Clock, 'now'>
}

/** The books of tenants in memory, read anew once they have changed. */
export function createBooks({ store, fleet, clock }: BooksDeps) {
  const books = new Map<string, Book>()
  const changed = new Set<string>()
  return {
    drop: (tenantId: string) => void changed.add(tenantId),
    takeChanged(): string[] {
      const tenantIds = [...changed]
      changed.clear()
      for (const tenantId of tenantIds) books.delete(tenantId)
      return tenantIds
    },
    async of(tenantId: string): Promise<Book> {
      const known = books.get(tenantId)
      if (known) return known
      const book = await readBook(store.reader, { tenantId, nowMs: clock.now() })
      books.set(tenantId, book)
      return book
    },
    /** Nodes that a rule may find to have sent nothing. */
    lackingNodes(): Set<string> {
      const ids = new Set<string>()
      for (const [tenantId, { rules }] of books)
        if (rules.some(({ when }) => when.no_data))
          for (const { id } of fleet.nodes(tenantId)) ids.add(id)
      return ids
    },
  }
}
