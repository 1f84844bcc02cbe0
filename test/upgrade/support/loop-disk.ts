import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

/** An ext4 file system in a file, of which copies can be made at any moment. */
export interface LoopDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly folder: string
  /** Copies what the disk holds by now, as a power cut would leave it. */
  snapshot(name: string): LoopImage
}

/** A copy of a disk. */
export interface LoopImage {
  readonly name: string
  /** Mounts it, which repairs what was under way, and unmounts it at the end. */
  mounted<T>(work: (folder: string) => Promise<T>): Promise<T>
}

const megabytes = 32

/** Needs root, in a mount namespace that is not the machine's. */
export function mountLoopDisk(place: string): LoopDisk {
  mkdirSync(place, { recursive: true })
  const image = join(place, 'disk.img')
  const folder = mountPoint(place, 'disk')
  run('truncate', '-s', `${megabytes}M`, image)
  run('mkfs.ext4', '-q', '-F', image)
  run('mount', '-o', 'loop', image, folder)
  return {
    folder,
    snapshot(name) {
      const copy = join(place, `${name}.img`)
      // Through the page cache, in which the loop device has all that it was given.
      run('cp', '--sparse=always', image, copy)
      return {
        name,
        async mounted(work) {
          const at = mountPoint(place, name)
          run('mount', '-o', 'loop', copy, at)
          try {
            return await work(at)
          } finally {
            run('umount', at)
            await rm(copy)
          }
        },
      }
    },
    async [Symbol.asyncDispose]() {
      run('umount', '--lazy', folder)
    },
  }
}

function mountPoint(place: string, name: string): string {
  const folder = join(place, `mounted-${name}`)
  mkdirSync(folder)
  return folder
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
