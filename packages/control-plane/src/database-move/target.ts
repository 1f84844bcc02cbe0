import { CliError } from '@plexd/runtime'
import { hasTenant } from '../rows/fleet/tenants.ts'
import { readSetting } from '../rows/settings.ts'
import type { Reader } from '../store/db.ts'
import type { DatabaseMove } from '../store/place/moved.ts'
import { readArriving } from '../store/postgres/arriving.ts'
import { nameOfPlace, type PostgresPlace } from '../store/postgres/place.ts'
import { isEmpty, openPostgresReader } from '../store/postgres/postgres.ts'
import { hasPacks } from '../telemetry/postgres/moved-packs.ts'
import { hasHours } from '../telemetry/series/stores/postgres/moved-hours.ts'

/** Throws if there is an installation in the database that this move has not brought there; changes nothing. */
export async function demandOurs(
  place: PostgresPlace,
  {
    move,
    installation,
    work,
  }: { move: DatabaseMove | undefined; installation: string | undefined; work: string },
): Promise<void> {
  await using reader = openPostgresReader(place)
  if (!(await isEmpty(reader))) {
    if (move && (await hasArrived(reader, move))) return
    await demandNoInstallation(reader, place, work)
  }
  await demandNoTelemetry(reader, place, { installation, work })
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
  throw new CliError(
    `${work}: there is an installation in "${nameOfPlace(place)}" already: ${emptyOne(place)}`,
  )
}

/** What an attempt with the same installation has left that was cut is ours. */
async function demandNoTelemetry(
  reader: Reader,
  place: PostgresPlace,
  { installation, work }: { installation: string | undefined; work: string },
): Promise<void> {
  const arriving = await readArriving(reader)
  if (arriving !== undefined && arriving === installation) return
  if (arriving === undefined && !(await hasPacks(reader)) && !(await hasHours(reader))) return
  throw new CliError(
    `${work}: there is telemetry of another installation in "${nameOfPlace(place)}": ${emptyOne(place)}`,
  )
}

function emptyOne({ url }: PostgresPlace): string {
  const database = new URL(url).pathname.slice(1)
  return `name an empty database, as "createdb --encoding UTF8 --template template0 NAME" makes one; if nobody needs what is in this one, drop it first: dropdb ${database}`
}
