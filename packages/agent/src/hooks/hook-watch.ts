import { existsSync, type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import { describeError, type Log } from '@plexd/runtime'

/**
 * Calls back after a change of a file in the folder, or, as long as it is not there, of the folder that it will be in.
 * To be made anew after each change, since the folder may be another one then. Without it, as when the
 * system has no inotify instance left, changes are seen at the next look.
 */
export function watchFolder(folder: string, onChange: () => void, log: Log): Disposable {
  const watcher = open(nearest(folder), onChange, log)
  return { [Symbol.dispose]: () => watcher?.close() }
}

function open(folder: string, onChange: () => void, log: Log): FSWatcher | undefined {
  try {
    return watch(folder, { persistent: false }, onChange).on('error', onChange)
  } catch (error) {
    log.warn('folder cannot be watched', { folder, error: describeError(error) })
    return undefined
  }
}

function nearest(folder: string): string {
  return existsSync(folder) ? folder : nearest(dirname(folder))
}
