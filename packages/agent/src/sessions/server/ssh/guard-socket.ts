import type { Duplex } from 'node:stream'
import type { SessionRecorder } from '../channel-recording.ts'

/** How much may wait to be sent before more is asked of us, or is given out. */
const maxWaitingBytes = 4 * 1024 * 1024

/** Reads nothing from a client that does not read its answers: each costs memory. */
export function guardSocket(stream: Duplex): void {
  stream.on('data', () => {
    if (stream.writableLength <= maxWaitingBytes || stream.isPaused()) return
    stream.pause()
    stream.once('drain', () => stream.resume())
  })
}

/**
 * Reads nothing from a client while more is recorded than is stored. What it asks for is recorded as well as what it types, and nobody
 * waits with its answer.
 */
export function guardRecording(stream: Duplex, { room }: Pick<SessionRecorder, 'room'>): void {
  stream.on('data', () => {
    const stored = room()
    if (!stored || stream.isPaused()) return
    stream.pause()
    const resume = (): void => void stream.resume()
    stored.then(resume, resume) // where it cannot be stored, the session ends
  })
}
