import { getAsset, isSea } from 'node:sea'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/** Where the code of a thread is: the three forms of a program keep it in three places. */
export interface ThreadCode {
  /** Its name in scripts/programs/build.ts. */
  name: string
  /** Of the file that starts it: `import.meta.url`. */
  startedBy: string
  /** The source, from there: `./worker.ts`. */
  source: string
}

/** Starts a thread of this program. */
export function startThread(code: ThreadCode, options: WorkerOptions): Worker {
  // A single file has no files beside it: the text of its threads is in it.
  if (isSea()) return new Worker(getAsset(code.name, 'utf8'), { ...options, eval: true })
  return new Worker(threadFile(code), options)
}

/** Beside the file in the sources, and beside the bundle when there is one. */
function threadFile({ name, startedBy, source }: ThreadCode): URL {
  return new URL(startedBy.endsWith('.ts') ? source : `./${name}.mjs`, startedBy)
}
