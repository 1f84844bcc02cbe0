import { silentLog } from '@plexd/runtime'
import { openSeriesFile } from '../stores/file.ts'
import { openPostgresSeries } from '../stores/postgres/series.ts'
import type { SeriesStore, SeriesStoreOptions } from '../stores/store.ts'

/** A store of series at a path or URL, as one that was there before or a new one. */
export async function openSeriesAt(
  place: string,
  options: SeriesStoreOptions,
): Promise<SeriesStore> {
  return place.startsWith('postgres:')
    ? openPostgresSeries({ url: place }, { ...options, log: silentLog })
    : openSeriesFile(place, options)
}
