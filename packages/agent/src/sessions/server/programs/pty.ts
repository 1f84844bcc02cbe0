import { closeSync, constants, fchownSync, openSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { importFfi } from '@plexd/runtime'
import { type TerminalModes, withModes } from './terminal-modes.ts'

export interface TerminalSize {
  cols: number
  rows: number
}

/** A pseudo-terminal (pty(7)). */
export interface Pty extends Disposable {
  /** What programs print, and what they are given; fails with EIO, which is its end, once none has it open. */
  readonly master: ReadStream
  /** The end for programs; closed by disposing, when one has it. */
  readonly slaveFd: number
  /** Such as `/dev/pts/3`. */
  readonly path: string
  resize(size: TerminalSize): void
}

export interface Terminal extends TerminalSize {
  modes: TerminalModes
}

/** `uid` is that of whom it belongs to. */
export type OpenPty = (uid: number, terminal: Terminal) => Pty

/** TIOCSWINSZ, the same on all architectures that Node supports but mips and ppc. */
const setWindowSize = 0x5414n
/** So that a key erases a whole character while the terminal edits the line, unless the client wants it otherwise. */
const iutf8 = 42
/** O_CLOEXEC. */
const oCloexec = 0o2000000

/** Rejects if Node has no FFI. */
export async function loadOpenPty(): Promise<OpenPty> {
  const libc = await bindLibc()
  return (uid, { modes, ...size }) => {
    const fd = openMaster(libc)
    const path = slavePath(libc, fd)
    const slaveFd = openSync(path, constants.O_RDWR | constants.O_NOCTTY)
    fchownSync(slaveFd, uid, -1) // the group is that of write(1)
    setModes(libc, slaveFd, new Map([[iutf8, 1], ...modes]))
    const resize = (to: TerminalSize): void => void libc.ioctl(fd, setWindowSize, windowSize(to))
    resize(size)
    return {
      master: new ReadStream(fd),
      slaveFd,
      path,
      resize,
      [Symbol.dispose]: () => closeSync(slaveFd),
    }
  }
}

type Libc = Awaited<ReturnType<typeof bindLibc>>

async function bindLibc() {
  const { dlopen } = await importFfi()
  return dlopen(null, {
    posix_openpt: { arguments: ['int32'], return: 'int32' },
    grantpt: { arguments: ['int32'], return: 'int32' },
    unlockpt: { arguments: ['int32'], return: 'int32' },
    ptsname_r: { arguments: ['int32', 'buffer', 'uint64'], return: 'int32' },
    ioctl: { arguments: ['int32', 'uint64', 'buffer'], return: 'int32' },
    tcgetattr: { arguments: ['int32', 'buffer'], return: 'int32' },
    tcsetattr: { arguments: ['int32', 'int32', 'buffer'], return: 'int32' },
  }).functions
}

function openMaster(libc: Libc): number {
  const fd = libc.posix_openpt(constants.O_RDWR | constants.O_NOCTTY | oCloexec)
  if (fd < 0) throw new Error('open a terminal: the system has none left, or no /dev/ptmx')
  if (libc.grantpt(fd) === 0 && libc.unlockpt(fd) === 0) return fd
  closeSync(fd)
  throw new Error('open a terminal: /dev/pts is not mounted')
}

function slavePath(libc: Libc, fd: number): string {
  const name = Buffer.alloc(64)
  libc.ptsname_r(fd, name, BigInt(name.length))
  return name.toString('latin1', 0, name.indexOf(0))
}

function setModes(libc: Libc, fd: number, modes: TerminalModes): void {
  const termios = Buffer.alloc(64) // struct termios takes at most 60
  if (libc.tcgetattr(fd, termios) === 0) libc.tcsetattr(fd, 0, withModes(termios, modes))
}

/** struct winsize: rows, columns, and pixels, which nobody asks for. */
function windowSize({ cols, rows }: TerminalSize): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(Math.min(rows, 0xffff), 0)
  bytes.writeUInt16LE(Math.min(cols, 0xffff), 2)
  return bytes
}
