import { availableParallelism } from 'node:os'

/** libuv's default number of threads. */
const maxThreads = 4

/**
 * Leaves a core to the main thread. Signatures run in libuv's thread pool, which has four threads regardless of the number
 * of cores: on two cores, four signing threads starve the main thread, and halve the events sent. Call this before
 * anything else: libuv reads the variable when it gets its first work.
 */
export function limitThreadPool(environment = process.env, cores = availableParallelism()): void {
  environment.UV_THREADPOOL_SIZE ??= String(Math.min(maxThreads, Math.max(1, cores - 1)))
}
