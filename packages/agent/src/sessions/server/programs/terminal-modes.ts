/** Modes of a terminal as SSH has them, by their opcodes (RFC 4254 section 8): 1 or 0 for a switch, or a key. */
export type TerminalModes = ReadonlyMap<number, number>

/** Sets those that matter to a pseudo-terminal in a struct termios of Linux; of a line it has neither speed nor parity. Pure. */
export function withModes(termios: Uint8Array, modes: TerminalModes): Buffer {
  const set = Buffer.from(termios)
  for (const [opcode, value] of modes) {
    const key = keys[opcode]
    // 255: no key (RFC 4254 section 8), which Linux says with 0.
    if (key !== undefined) set.writeUInt8(value === 255 ? 0 : value & 0xff, keysOffset + key)
    const [offset, bit] = flags[opcode] ?? []
    if (offset === undefined || bit === undefined) continue
    const before = set.readUInt32LE(offset)
    set.writeUInt32LE((value === 0 ? before & ~bit : before | bit) >>> 0, offset)
  }
  return set
}

/** c_cc, behind four words of flags and c_line. */
const keysOffset = 17

/** Places in c_cc, by opcode (asm-generic/termbits.h). */
const keys: Readonly<Record<number, number>> = {
  ...{ 1: 0, 2: 1, 3: 2, 4: 3, 5: 4 }, // VINTR, VQUIT, VERASE, VKILL, VEOF
  ...{ 6: 11, 7: 16, 8: 8, 9: 9, 10: 10 }, // VEOL, VEOL2, VSTART, VSTOP, VSUSP
  ...{ 12: 12, 13: 14, 14: 15, 18: 13 }, // VREPRINT, VWERASE, VLNEXT, VDISCARD
}

type Flag = readonly [offset: number, bit: number]
const input = (bit: number): Flag => [0, bit]
const output = (bit: number): Flag => [4, bit]
const local = (bit: number): Flag => [12, bit]

/** Switches, by opcode (asm-generic/termbits.h). */
const flags: Readonly<Record<number, Flag>> = {
  30: input(0o4), // IGNPAR
  31: input(0o10), // PARMRK
  32: input(0o20), // INPCK
  33: input(0o40), // ISTRIP
  34: input(0o100), // INLCR
  35: input(0o200), // IGNCR
  36: input(0o400), // ICRNL
  37: input(0o1000), // IUCLC
  38: input(0o2000), // IXON
  39: input(0o4000), // IXANY
  40: input(0o10000), // IXOFF
  41: input(0o20000), // IMAXBEL
  42: input(0o40000), // IUTF8
  50: local(0o1), // ISIG
  51: local(0o2), // ICANON
  52: local(0o4), // XCASE
  53: local(0o10), // ECHO
  54: local(0o20), // ECHOE
  55: local(0o40), // ECHOK
  56: local(0o100), // ECHONL
  57: local(0o200), // NOFLSH
  58: local(0o400), // TOSTOP
  59: local(0o100000), // IEXTEN
  60: local(0o1000), // ECHOCTL
  61: local(0o4000), // ECHOKE
  62: local(0o40000), // PENDIN
  70: output(0o1), // OPOST
  71: output(0o2), // OLCUC
  72: output(0o4), // ONLCR
  73: output(0o10), // OCRNL
  74: output(0o20), // ONOCR
  75: output(0o40), // ONLRET
}
