/** Finds the records in the bytes of a file. Pure. */
import { maxReadBytes } from './log-record.ts'

/** What is passed over: the rest of a line, or of a record of several lines, whose beginning was long enough. */
export type Skip = '' | 'line' | 'record'

export interface Taken {
  texts: { text: string; isCut: boolean }[]
  /** The bytes of them; what follows is no whole record yet. */
  consumed: number
  skip: Skip
}

export interface TakeRules {
  /** Whether a line is the first of a record; each is if it is left out. */
  isFirst?: ((line: string) => boolean) | undefined
  /** Nothing follows for now: what is there is a record, be it whole or not. */
  isEnd: boolean
}

/** As many as are there. More than {@link maxReadBytes} without an end are a record that was cut. */
export function takeRecords(bytes: Buffer, skip: Skip, { isFirst, isEnd }: TakeRules): Taken {
  const texts: Taken['texts'] = []
  /** Where the record begins that is not at its end yet. */
  let start = 0
  /** The end of the lines that were looked at. */
  let at = 0
  let passed: Skip = skip

  function add(end: number): void {
    const text = decode(bytes.subarray(start, Math.min(end, start + maxReadBytes)))
    if (text.trim() !== '') texts.push({ text, isCut: end - start > maxReadBytes })
    start = end
  }

  function addLine(end: number): void {
    const lineStart = at
    at = end
    if (passed === 'line') {
      passed = isFirst ? 'record' : ''
      start = end
    } else if (!isFirst) {
      add(end)
    } else if (
      isFirst(decode(bytes.subarray(lineStart, Math.min(end, lineStart + maxFirstBytes))))
    ) {
      if (passed === '' && lineStart > start) add(lineStart)
      start = lineStart
      passed = ''
    } else if (passed === 'record') {
      start = end
    }
    if (passed === '' && end - start > maxReadBytes) {
      add(end)
      passed = 'record'
    }
  }

  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, at))
    addLine(end + 1)
  endWith(bytes.length)

  /** What is behind the last newline, and what waits for it. */
  function endWith(end: number): void {
    const isHalf = end > at
    const isLong = () => end - start > maxReadBytes
    if (passed === 'line' || (passed === 'record' && end - at > maxReadBytes)) {
      start = end
      passed = 'line'
    }
    if (passed !== '' || !(isEnd || isLong()) || start === end) return
    if (isHalf && at > start && isFirst?.(decode(bytes.subarray(at, at + maxFirstBytes)))) add(at)
    if (!isEnd && !isLong()) return
    if (isLong()) passed = isHalf ? 'line' : 'record'
    add(end)
  }

  return { texts, consumed: start, skip: passed }
}

const newline = 0x0a
/** By so much of a line it is decided whether it is the first of a record. */
const maxFirstBytes = 1_024

/** What is not UTF-8 becomes U+FFFD. */
function decode(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/\r?\n$/, '')
}
