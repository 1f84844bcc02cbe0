import { randomBytes } from 'node:crypto'
import { type PlannedChange, planned } from './planned-change.ts'
import type { StoredItem } from './stored-item.ts'

/** The position of the next record, an item of the queue. Does nothing to the disk. */
export interface StoredPosition {
  load(item: { epoch: string; next: number }, number: number): void
  epoch(): string
  next(): number
  /** So many were given to records. */
  skip(count: number): void
  /** Positions from now on are of other records, whatever their numbers. */
  renew(): void
  /** The change of the queue by which it has this. */
  change(): PlannedChange
}

export function createStoredPosition(): StoredPosition {
  let number = 0
  let epoch = newEpoch()
  let next = 0

  return {
    load(item, itemNumber) {
      number = itemNumber
      epoch = item.epoch
      next = item.next
    },
    epoch: () => epoch,
    next: () => next,
    skip(count) {
      next += count
    },
    renew() {
      epoch = newEpoch()
    },
    change() {
      const value: StoredItem = { type: 'position', epoch, next }
      if (number !== 0) return planned({ put: [{ number, value }] })
      return planned({ added: [value] }, ([made = 0]) => {
        number = made
      })
    },
  }
}

/** Of 64 bits, so that no two queues of a node ever have the same. */
function newEpoch(): string {
  return randomBytes(8).toString('hex')
}
