import { openPostgresTelemetry } from '../telemetry/postgres/postgres-store.ts'
import { openSqliteTelemetry } from '../telemetry/sqlite-store.ts'
import type { TelemetryStore } from '../telemetry/store.ts'
import { dialects } from './databases.ts'

export interface TelemetryPlaces extends AsyncDisposable {
  /** A new one, with nothing in it: a folder or a database. */
  create(): Promise<string>
  open(place: string, now: () => number): Promise<TelemetryStore>
}

/** What holds for a store of telemetry holds on each. */
export const telemetryDialects = dialects.map(({ name, skip, openDatabases }) => ({
  name,
  skip,
  async openPlaces(): Promise<TelemetryPlaces> {
    const databases = await openDatabases()
    return {
      create: databases.create,
      open: async (place, now) =>
        name === 'SQLite'
          ? openSqliteTelemetry(place, { now })
          : await openPostgresTelemetry({ url: place }, { now }),
      [Symbol.asyncDispose]: () => databases[Symbol.asyncDispose](),
    }
  },
}))
