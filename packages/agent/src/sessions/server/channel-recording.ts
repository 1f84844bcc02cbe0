/** What is recorded of the channels of a session. */

/** Of the whole session. What it returns is awaited before the same bytes are let through. */
export interface SessionRecorder {
  output(channel: number, bytes: Uint8Array): Promise<void> | undefined
  input(channel: number, bytes: Uint8Array): Promise<void> | undefined
  resize(cols: number, rows: number): void
  marker(text: string): void
  /** Undefined if enough is stored of what was recorded; else resolves when it is. Rejects if nothing can be recorded any more. */
  room(): Promise<void> | undefined
  close(): Promise<number>
}

export interface ChannelRecording {
  output(bytes: Uint8Array): Promise<void> | undefined
  input(bytes: Uint8Array): Promise<void> | undefined
  resize(cols: number, rows: number): void
  /** The channel has closed. */
  end(): void
}

export type RecordedKind = 'terminal' | 'command' | 'bytes'

/** Of a command without a terminal; a copy of a gigabyte is not kept. */
const maxCommandBytes = 64 * 1024

/** `title` is what the channel is for. */
export function recordChannel(
  recorder: SessionRecorder | undefined,
  channel: number,
  { kind, title }: { kind: RecordedKind; title: string },
): ChannelRecording {
  if (!recorder) return notRecorded
  recorder.marker(title)
  if (kind === 'terminal')
    return {
      output: (bytes) => recorder.output(channel, bytes),
      input: (bytes) => recorder.input(channel, bytes),
      resize: (cols, rows) => recorder.resize(cols, rows),
      end: () => {},
    }
  const keptBytes = kind === 'command' ? maxCommandBytes : 0
  let [inBytes, outBytes] = [0, 0]
  return {
    output(bytes) {
      const kept = bytes.subarray(0, Math.max(0, keptBytes - outBytes))
      outBytes += bytes.length
      return kept.length > 0 ? recorder.output(channel, kept) : undefined
    },
    input(bytes) {
      const kept = bytes.subarray(0, Math.max(0, keptBytes - inBytes))
      inBytes += bytes.length
      return kept.length > 0 ? recorder.input(channel, kept) : undefined
    },
    resize: () => {},
    end: () => recorder.marker(`${title}: ${inBytes} bytes in, ${outBytes} bytes out`),
  }
}

const notRecorded: ChannelRecording = {
  output: () => undefined,
  input: () => undefined,
  resize: () => {},
  end: () => {},
}
