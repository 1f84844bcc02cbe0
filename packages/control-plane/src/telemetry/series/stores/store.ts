import type { Hour } from '../hours/hour.ts'
import type { HourMergeOptions } from '../hours/merge.ts'

/** How long they are kept: a quarter of a year. */
export const seriesMs = 92 * 24 * 3_600_000

/** What has come of a node and is not stored yet. */
export interface Head {
  /** Of the oldest and of the newest record in it. */
  firstId: number
  lastId: number
  /** How many values are in it. */
  points: number
  /** By the time at which each begins. */
  hours: Map<number, Hour>
}

/** The hours of one node, by their beginnings. */
export interface StoredHours {
  hours: Map<number, Hour>
  /** Of the newest record that is in them, as far as that is known. */
  lastId: number
}

/** How far telemetry is in the series, and whoever brings the rest of it. One at a time: what another writes meanwhile ends it. */
export interface SeriesWriter {
  /** Behind the last record of which all nodes have what it says. */
  readonly lastId: number
  /** The newest record that is stored, of nodes of which there is one behind that. */
  readonly marks: ReadonlyMap<string, number>
  /**
   * In one transaction, with what was there before. Rejects with ProgressChanged if what is stored may be other than this writer knows;
   * after any other error nothing of it is stored.
   */
  add(heads: ReadonlyMap<string, Head>): Promise<void>
  /** All nodes have what the records say up to this one. Rejects as `add` does. */
  finish(lastId: number): Promise<void>
}

/** Series where they are kept: a row for each node and hour. */
export interface SeriesStore extends AsyncDisposable {
  /** `newestId`: of telemetry, which may have gone back to what it was before. */
  begin(newestId: number): Promise<SeriesWriter>
  /** The hours that begin in the range, both ends included, and up to which record they are made: of one moment. */
  read(nodeId: string, range: { fromMs: number; toMs: number }): Promise<StoredHours>
  /** Deletes hours before the time, and past the size the oldest of the node with most. Returns how many. */
  prune(limits: { beforeMs: number; maxBytes: number }): Promise<number>
}

export interface SeriesStoreOptions extends Omit<HourMergeOptions, 'noteDamage'> {
  lockWaitMs?: number | undefined
}

/** Another has written since, or it is not known whether this one has. Whoever folds begins again with what is stored. */
export class ProgressChanged extends Error {}
