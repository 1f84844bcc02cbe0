import { availableParallelism } from 'node:os'

/** What libuv takes when nobody says. */
const maxThreads = 4

/**
 * Leaves a core to the main thread. Signatures are made on libuv's threads, which are four however few the cores are: on
 * two cores, four that sign keep the main thread from running, and half as many events leave. To be called before
 * anything else: libuv reads the variable with the first work it gets.
 */
export function limitThreadPool(environment = process.env, cores = availableParallelism()): void {
  environment.UV_THREADPOOL_SIZE ??= String(Math.min(maxThreads, Math.max(1, cores - 1)))
}
