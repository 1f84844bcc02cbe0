import { importFfi } from '@plexd/runtime'
import { loadAdoptDescriptor } from './sockets/adopted-descriptor.ts'

/** Calls back once when the process has ended; for one that has ended before, never. */
export type WatchEnd = (pid: number, onEnd: () => void) => Disposable

/** Waits for its pidfd (pidfd_open(2)), of which nothing can be read: when it has ended, trying that fails. */
export async function loadWatchEnd(): Promise<WatchEnd> {
  const { dlopen } = await importFfi()
  const adopt = await loadAdoptDescriptor()
  const { functions: libc } = dlopen(null, {
    syscall: { arguments: ['int64', 'int64', 'int64'], return: 'int64' },
    close: { arguments: ['int32'], return: 'int32' },
  })

  return (pid, onEnd) => {
    const fd = Number(libc.syscall(pidfdOpen, BigInt(pid), 0n))
    if (fd < 0) return { [Symbol.dispose]() {} }
    try {
      const reader = adopt(fd).on('error', onEnd)
      return { [Symbol.dispose]: () => void reader.destroy() }
    } finally {
      libc.close(fd)
    }
  }
}

/** The number of the system call, the same on all architectures that Node supports; glibc has a function since 2.36. */
const pidfdOpen = 434n
