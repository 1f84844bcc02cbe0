/**
 * Where a batch stands among all records of its kind that the node has ever queued: an extension of ours, in a header. Who sends it
 * has each record stored once, however often the batch is sent.
 */
export interface BatchPosition {
  /** Of the node's queue; a queue that is begun anew has another, and counts from 0. */
  epoch: string
  /** The position of the first record of the batch. */
  first: number
  count: number
}

export const batchPositionHeader = 'plexd-batch'

const form = /^([0-9a-z]{8,32}) (\d{1,16}) (\d{1,7})$/

export function formatBatchPosition({ epoch, first, count }: BatchPosition): string {
  return `${epoch} ${first} ${count}`
}

/** Undefined if it is not of the form. */
export function parseBatchPosition(text: string): BatchPosition | undefined {
  const [, epoch = '', first, count] = form.exec(text) ?? []
  const position = { epoch, first: Number(first), count: Number(count) }
  return epoch !== '' && Number.isSafeInteger(position.first + position.count)
    ? position
    : undefined
}
