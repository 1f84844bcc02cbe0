import { silentLog } from '@plexd/runtime'
import { createContents } from '../contents.ts'
import type { QueueFiles } from '../files.ts'
import { createQueue, type Queue, type QueueOptions } from '../queue.ts'

/** A queue without a disk. */
export function aMemoryQueue<Item>(
  options: Partial<QueueOptions<Item>> = {},
  files = createMemoryFiles(),
): Queue<Item> {
  return createQueue<Item>(files, {
    name: 'things',
    isItem: (value): value is Item => value !== undefined,
    limit: { bytes: 1e9 },
    whenFull: 'refuse newest',
    log: silentLog,
    ...options,
  })
}

/** What a queue leaves behind, for the next one over it. */
export function createMemoryFiles(): QueueFiles {
  const contents = createContents()
  const written = new Map<number, string>()
  return {
    contents,
    damaged: 0,
    remove: (numbers) => void contents.remove(numbers),
    async write() {
      for (const { number, json = '' } of contents.unwritten()) {
        written.set(number, json)
        contents.place(number, { segment: 1, offset: 0, length: json.length })
      }
    },
    read: async (entries) => entries.map(({ number, json }) => json ?? written.get(number)),
    async [Symbol.asyncDispose]() {},
  }
}
