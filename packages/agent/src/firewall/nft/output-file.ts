import { closeSync, fstatSync, readSync } from 'node:fs'
import { importFfi } from '@plexd/runtime'

/** A file in memory, without a name and on no disk, that a program can write to. */
export interface OutputFile extends Disposable {
  fd: number
  read(): string
}

/** What makes such files. Rejects where Node has no FFI. */
export async function loadOutputFile(): Promise<() => OutputFile> {
  const { dlopen } = await importFfi()
  const { functions: libc } = dlopen(null, {
    memfd_create: { arguments: ['buffer', 'uint32'], return: 'int32' },
  })
  return () => {
    const fd = libc.memfd_create(Buffer.from('plexd\0'), closeOnExec)
    if (fd < 0) throw new Error('make a file in memory')
    return {
      fd,
      read() {
        const bytes = Buffer.alloc(fstatSync(fd).size)
        return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0))
      },
      [Symbol.dispose]: () => closeSync(fd),
    }
  }
}

/** MFD_CLOEXEC: the program has it as its output, and no other. */
const closeOnExec = 1
