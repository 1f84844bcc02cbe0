import { bytesOf } from '../../queue/contents.ts'
import type { Block, Drop } from './plan.ts'
import { packLines, type StoredBlock, type StoredItem } from './stored-item.ts'

/** What is sent of a block. */
export interface TakenBlock {
  number: number
  first: number
  count: number
  atMs: number
  /** A member of gzip; absent from a gap. */
  packed?: Buffer
  gapReason?: string
  /** Whether it may have arrived before. */
  wasTried: boolean
}

/** The item of these lines; packs them. */
export async function recordsOf(
  { first, atMs }: Pick<Block, 'first' | 'atMs'>,
  lines: readonly string[],
): Promise<StoredBlock> {
  const raw_bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0)
  const body = (await packLines(lines)).toString('base64')
  return { type: 'records', first, count: lines.length, at: atMs, raw_bytes, body }
}

/** The item of the gap that stands for them. Pure. */
export function gapOver({ into, others }: Drop): StoredBlock & { type: 'gap' } {
  const count = [into, ...others].reduce((sum, block) => sum + block.count, 0)
  const reason = into.gapReason ?? 'more waited for the control plane than is kept'
  return { type: 'gap', first: into.first, count, at: into.atMs, reason }
}

/** As it is when it has just been handed to the queue. */
export function blockOf(value: StoredBlock): Block {
  const { first, count, at } = value
  return {
    number: 0,
    first,
    count,
    rawBytes: value.type === 'records' ? value.raw_bytes : 0,
    storedBytes: bytesOf(JSON.stringify(value)),
    atMs: at,
    gapReason: value.type === 'gap' ? value.reason : undefined,
    isTried: false,
    endsBatch: false,
    isOnDisk: false,
  }
}

/** Another item in the place of the one that it was. */
export function become(block: Block, value: StoredBlock): void {
  const { number, isTried, endsBatch } = block
  Object.assign(block, blockOf(value), { number, isTried, endsBatch })
}

/** Undefined for all but records. Pure. */
export function bodyOf(value: StoredItem): string | undefined {
  return value.type === 'records' ? value.body : undefined
}

/** From now on it may have arrived. */
export function taken(block: Block, isLast: boolean, body: string | undefined): TakenBlock {
  const { number, first, count, atMs, gapReason, isTried: wasTried } = block
  block.isTried = true
  block.endsBatch ||= isLast
  return {
    number,
    first,
    count,
    atMs,
    wasTried,
    ...(gapReason === undefined ? {} : { gapReason }),
    ...(body === undefined ? {} : { packed: Buffer.from(body, 'base64') }),
  }
}
