import { CliError } from '@plexd/runtime'
import { hasTenant } from '../rows/fleet/tenants.ts'
import { readSetting } from '../rows/settings.ts'
import type { Reader } from '../store/db.ts'
import type { DatabaseMove } from '../store/place/moved.ts'
import { nameOfPlace, type PostgresPlace } from '../store/postgres/place.ts'
import { isEmpty, openPostgresReader } from '../store/postgres/postgres.ts'

/** Throws if there is an installation in the database that this move has not brought there; changes nothing. */
export async function demandOurs(
  place: PostgresPlace,
  { move, work }: { move: DatabaseMove | undefined; work: string },
): Promise<void> {
  await using reader = openPostgresReader(place)
  if (await isEmpty(reader)) return
  if (move && (await hasArrived(reader, move))) return
  await demandNoInstallation(reader, place, work)
}

/** Whether all that a move was to bring is in the database. */
export async function hasArrived(reader: Reader, { epoch }: DatabaseMove): Promise<boolean> {
  return (await readSetting(reader, 'epoch')) === epoch
}

/** Tables without an installation in them are what an attempt leaves that was cut. */
export async function demandNoInstallation(
  reader: Reader,
  place: PostgresPlace,
  work: string,
): Promise<void> {
  if (!(await hasTenant(reader))) return
  const database = new URL(place.url).pathname.slice(1)
  throw new CliError(
    `${work}: there is an installation in "${nameOfPlace(place)}" already: name an empty database, as "createdb --encoding UTF8 --template template0 NAME" makes one; if nobody needs what is in this one, drop it first: dropdb ${database}`,
  )
}
