import { hostname } from 'node:os'
import { postgresPlace } from '../store/place/database.ts'
import { examineServer } from '../store/postgres/examine.ts'
import type { Place } from './place.ts'

const asked = new WeakMap<Place, Promise<string | undefined>>()

/** Which control plane serves from the database while this one waits for its turn; undefined if it does not wait, or nobody can say. */
export function waitsFor(place: Place): Promise<string | undefined> {
  return asked.getOrInsertComputed(place, () => ask(place).catch(() => undefined))
}

async function ask({ config, pid }: Place): Promise<string | undefined> {
  const postgres = postgresPlace(config)
  if (!postgres || pid === undefined) return undefined
  const { holder } = await examineServer(postgres)
  const isThis = holder?.pid === pid && holder.machine === hostname()
  return isThis ? undefined : holder?.words
}
