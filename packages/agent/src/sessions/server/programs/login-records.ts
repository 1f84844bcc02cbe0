import { appendFileSync, existsSync } from 'node:fs'
import { importFfi } from '@plexd/runtime'

export interface LoginRecord {
  pid: number
  /** Of the terminal: `/dev/pts/3`. */
  terminalPath: string
  login: string
  /** Where the client is. */
  host: string
  /** Milliseconds since 1970. */
  nowMs: number
}

/** Tells who(1) and last(1) that somebody is logged in, and returns what tells that this is over. */
export type RecordLogin = (record: LoginRecord) => (nowMs: number) => void

const wtmp = '/var/log/wtmp'

/** Types of entries (utmp(5)). */
const userProcess = 7
const deadProcess = 8

/** Does nothing on a machine without these files, or where we do not know how they are laid out. */
export async function loadRecordLogin(): Promise<RecordLogin> {
  const ffi = await importFfi().catch(() => undefined)
  if (!ffi || !layouts[process.arch]) return () => () => {}
  const { functions: libc } = ffi.dlopen(null, {
    setutxent: { arguments: [], return: 'void' },
    pututxline: { arguments: ['buffer'], return: 'pointer' },
    endutxent: { arguments: [], return: 'void' },
  })

  function write(record: LoginRecord, type: number): void {
    const entry = loginEntry(record, type, layouts[process.arch] ?? 'small')
    libc.setutxent()
    libc.pututxline(entry)
    libc.endutxent()
    // Entries are shorter than what the kernel appends as a whole.
    if (existsSync(wtmp)) appendFileSync(wtmp, entry)
  }

  return (record) => {
    write(record, userProcess)
    return (nowMs) => write({ ...record, nowMs }, deadProcess)
  }
}

/** Of glibc: where times are of 64 bits, an entry has 400 bytes, otherwise 384. */
type Layout = 'small' | 'large'
const layouts: Partial<Record<NodeJS.Architecture, Layout>> = { x64: 'small', arm64: 'large' }

/** A struct utmpx. When it is over, the names are left out. Pure. */
function loginEntry(record: LoginRecord, type: number, layout: Layout): Buffer {
  const { pid, terminalPath, login, host, nowMs } = record
  const isLarge = layout === 'large'
  const entry = Buffer.alloc(isLarge ? 400 : 384)
  const line = terminalPath.replace(/^\/dev\//, '')
  entry.writeInt16LE(type, 0)
  entry.writeInt32LE(pid, 4)
  entry.write(line, 8, 32, 'latin1')
  entry.write(line.replace(/^pts\//, 'ts/').slice(-4), 40, 4, 'latin1')
  if (type === userProcess) {
    entry.write(login, 44, 32, 'latin1')
    entry.write(host, 76, 256, 'latin1')
  }
  const seconds = Math.floor(nowMs / 1_000)
  const micros = Math.floor((nowMs % 1_000) * 1_000)
  if (isLarge) {
    entry.writeBigInt64LE(BigInt(pid), 336)
    entry.writeBigInt64LE(BigInt(seconds), 344)
    entry.writeBigInt64LE(BigInt(micros), 352)
  } else {
    entry.writeInt32LE(pid, 336)
    entry.writeInt32LE(seconds, 340)
    entry.writeInt32LE(micros, 344)
  }
  return entry
}
