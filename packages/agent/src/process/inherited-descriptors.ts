import { importFfi } from '@plexd/runtime'

/**
 * Keeps descriptors that this process was started with from the programs that it starts; Node sees to those that it has
 * opened itself. Does nothing without FFI, and on a kernel before 5.11.
 */
export async function keepInheritedDescriptors(): Promise<void> {
  const ffi = await importFfi().catch(() => undefined)
  const bound = ffi?.dlopen(null, {
    syscall: { arguments: ['int64', 'int64', 'int64', 'int64'], return: 'int64' },
  })
  bound?.functions.syscall(closeRange, 3n, 0xffff_ffffn, closeRangeCloexec)
}

/** The number of close_range(2), the same on all architectures that Node supports; glibc has a function since 2.34. */
const closeRange = 436n
/** Marks them to be closed when a program is started, rather than closing them. */
const closeRangeCloexec = 4n
