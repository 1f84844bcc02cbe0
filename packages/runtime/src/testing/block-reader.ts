/** One dispatched block of an event stream. */
export interface Block {
  id: string
  event: string
  /** The data lines joined by `\n`. */
  data: string
}

/** Reads server-sent events as the Go agent does: line by line, none of them 64 KiB or longer (wire contract 3.2). */
export interface BlockReader {
  /** The blocks that a piece of the stream completes. Throws a RangeError for a line that is too long. */
  push(text: string): Block[]
  readonly comments: readonly string[]
  /** In bytes. */
  longestLine(): number
}

const scannerLimit = 65_536

export function createBlockReader(): BlockReader {
  let rest = ''
  const comments: string[] = []
  let longest = 0
  let open = emptyBlock()

  /** The block that a line ends, if any. */
  function take(line: string): Block | undefined {
    const bytes = Buffer.byteLength(line)
    longest = Math.max(longest, bytes)
    if (bytes >= scannerLimit) throw new RangeError(`read event stream: a line of ${bytes} bytes`)
    if (line.startsWith(':')) comments.push(line.slice(1).trim())
    else if (line !== '') addField(open, line)
    if (line !== '') return undefined
    const { id, event, data } = open
    open = emptyBlock()
    return data.length > 0 ? { id, event, data: data.join('\n') } : undefined
  }

  return {
    push(text) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      return lines.flatMap((line) => take(line.replace(/\r$/, '')) ?? [])
    },
    comments,
    longestLine: () => longest,
  }
}

interface OpenBlock {
  id: string
  event: string
  data: string[]
}

function emptyBlock(): OpenBlock {
  return { id: '', event: '', data: [] }
}

function addField(block: OpenBlock, line: string): void {
  const [, field, value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? []
  if (field === 'data') block.data.push(value)
  if (field === 'id') block.id = value
  if (field === 'event') block.event = value
}
