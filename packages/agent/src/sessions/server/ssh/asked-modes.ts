import type { Connection } from 'ssh2'
import type { TerminalModes } from '../programs/terminal-modes.ts'

/** The terminal modes that a client asks for. */
export interface AskedModes {
  /** Of the request for a terminal that is being handled. */
  latest(): TerminalModes
}

type TakePayload = (payload: Buffer) => unknown

/** What ssh2 hands decrypted packets to, which is no part of its interface. */
interface Receiving {
  _onPayload?: TakePayload
  _decipher?: { _onPayload?: TakePayload }
}

/** ssh2 reads the modes from the wrong byte on, so each packet is looked at before it is; a version that receives otherwise tells none. */
export function watchModes(client: Connection): AskedModes {
  let modes: TerminalModes = new Map()
  const { _protocol: protocol } = client as { _protocol?: Receiving }
  const take = protocol?._onPayload
  if (protocol?._decipher && take) {
    const watched: TakePayload = (payload) => {
      modes = modesOf(payload) ?? modes
      return take(payload)
    }
    // The one is for now, the other for the keys that follow.
    protocol._decipher._onPayload = watched
    protocol._onPayload = watched
  }
  return { latest: () => modes }
}

const channelRequest = 98 // SSH_MSG_CHANNEL_REQUEST, RFC 4254 section 9

/** Undefined for a packet that does not ask for a terminal, or not as RFC 4254 section 6.2 has it. Pure. */
export function modesOf(payload: Buffer): TerminalModes | undefined {
  if (payload[0] !== channelRequest) return undefined
  const [type, afterType] = stringAt(payload, 5)
  if (type?.toString('latin1') !== 'pty-req') return undefined
  // A byte says whether an answer is wanted.
  const [, afterTerm] = stringAt(payload, afterType + 1)
  // Columns, rows, width and height.
  const [encoded] = stringAt(payload, afterTerm + 16)
  return encoded && decode(encoded)
}

function stringAt(bytes: Buffer, at: number): [Buffer | undefined, end: number] {
  if (at + 4 > bytes.length) return [undefined, bytes.length]
  const end = at + 4 + bytes.readUInt32BE(at)
  return end > bytes.length ? [undefined, bytes.length] : [bytes.subarray(at + 4, end), end]
}

const pairBytes = 5
/** From this opcode on, none has a value of four bytes for certain; 0 is the end. */
const unknownFrom = 160

function decode(encoded: Buffer): TerminalModes {
  const modes = new Map<number, number>()
  for (let at = 0; at + pairBytes <= encoded.length; at += pairBytes) {
    const opcode = encoded.readUInt8(at)
    if (opcode === 0 || opcode >= unknownFrom) break
    modes.set(opcode, encoded.readUInt32BE(at + 1))
  }
  return modes
}
