import { existsSync } from 'node:fs'
import { type Check, describeError, type Finding, failed, ok, warning } from '@plexd/runtime'
import { loadMasterKey } from '../seal/master-key.ts'
import { placeOf as sealedPlace } from '../seal/places.ts'
import { open } from '../seal/seal.ts'
import { postgresPlace, sqliteFile } from '../store/place/database.ts'
import { refuseMoved } from '../store/place/moved.ts'
import { examineServer } from '../store/postgres/examine.ts'
import { nameOfPlace } from '../store/postgres/place.ts'
import { pageFault } from '../store/side/fault.ts'
import { damagedIn } from '../store/side/set-aside.ts'
import { startRemedy } from './folder-checks.ts'
import { databasesOf, fileIn, masterKeyFile, openDatabase, type Place, readRow } from './place.ts'

/** The stored data, and the key that seals it. */
export const databaseChecks: readonly Check<Place>[] = [
  { name: 'PostgreSQL', run: checkServer },
  { name: 'database', run: checkPages },
  { name: 'damaged files', run: checkDamaged },
  { name: 'write lock', run: checkLock },
  { name: 'master key', run: checkMasterKey },
]

/** Whether the state is in PostgreSQL, and not in a file. */
const isOnServer = ({ config }: Place): boolean => postgresPlace(config) !== undefined

async function checkServer({ config }: Place): Promise<Finding> {
  const place = postgresPlace(config)
  if (!place) return checkMoved(config.dataDir)
  const name = nameOfPlace(place)
  try {
    const { version, schema, holder } = await examineServer(place)
    if (schema === undefined) return failed(`"${name}" holds no installation yet`, 'start it')
    const who = holder?.words ?? 'no control plane'
    return ok(`"${name}" answers: PostgreSQL ${version}, schema ${schema}, served from by ${who}`)
  } catch (error) {
    return failed(
      `"${name}": ${describeError(error)}`,
      `see whether its server runs, and lets this machine in: psql '${name}'`,
    )
  }
}

/** Whether the state has left the data folder, which a start without database_url refuses. */
function checkMoved(dataDir: string): Finding {
  try {
    refuseMoved(dataDir)
    return ok('the state is in the data folder')
  } catch (error) {
    return failed(describeError(error), 'set database_url, or finish or take back the move')
  }
}

async function checkPages(place: Place): Promise<Finding> {
  const paths = databasesOf(place).map((name) => fileIn(place, name))
  if (!isOnServer(place) && !paths.includes(sqliteFile(place.config)))
    return failed('there is none yet', startRemedy(place))
  for (const path of paths) {
    const why = faultOf(path)
    if (why !== undefined) return failed(`"${path}": ${why}`, remedyFor(place, path))
  }
  if (paths.length === 0) return ok('not looked at: the server looks after its own')
  return ok(`all pages of ${paths.map((path) => `"${path}"`).join(' and ')} fit together`)
}

function remedyFor(place: Place, path: string): string {
  return path === sqliteFile(place.config)
    ? 'stop the control plane, keep a copy of the folder, and put a backup in its place'
    : `have the next start set it aside and take over what can be read: touch ${path}.suspect && systemctl restart plexd-control-plane`
}

async function checkDamaged(place: Place): Promise<Finding> {
  const { setAside, suspect } = damagedIn(place.config.dataDir)
  const [first] = suspect
  if (first !== undefined)
    return failed(
      `${suspect.map((name) => `"${fileIn(place, name)}"`).join(', ')}: damage was met when it was read`,
      'have it set aside, and what can be read taken over: systemctl restart plexd-control-plane',
    )
  const files = setAside.map((name) => fileIn(place, name))
  if (files.length === 0) return ok('none were set aside')
  return warning(
    `set aside, with what could not be read of them: ${files.map((path) => `"${path}"`).join(', ')}`,
    `see whether the disk is failing; when nothing of them is wanted any more: rm ${files.map((path) => `${path}*`).join(' ')}`,
  )
}

function faultOf(path: string): string | undefined {
  try {
    using database = openDatabase(path)
    return pageFault(database)
  } catch (error) {
    return describeError(error)
  }
}

async function checkLock(place: Place): Promise<Finding> {
  if (isOnServer(place))
    return ok('PostgreSQL ends what keeps others from writing for some seconds')
  const path = sqliteFile(place.config)
  if (!existsSync(path)) return ok('there is no database yet')
  try {
    using database = openDatabase(path)
    database.exec('begin immediate; rollback')
    return ok('nobody keeps others from writing')
  } catch (error) {
    return failed(
      `another process keeps everybody from writing to "${path}": ${describeError(error)}`,
      `end it: fuser -v ${path}`,
    )
  }
}

async function checkMasterKey(place: Place): Promise<Finding> {
  const path = masterKeyFile(place)
  const sealed = await readSealed(place)
  if (!sealed && !existsSync(path)) return ok('there is nothing sealed yet')
  try {
    const key = await loadMasterKey({ path, isNew: false })
    if (sealed) open(key, sealed.text, sealed.context)
    const more = key.isReplacing() ? ', and the one before it, which is being replaced' : ''
    return ok(`"${path}" holds ${key.id()}${more}${sealed ? ', which opens the database' : ''}`)
  } catch (error) {
    return failed(
      describeError(error),
      `put back the ${path} that belongs to this database, from where you keep it`,
    )
  }
}

/** A sealed value that every installation has. */
async function readSealed(place: Place): Promise<{ text: string; context: string } | undefined> {
  const row = await readRow(
    place,
    "select id, private_key_sealed as text from signing_keys where state = 'current'",
  )
  return row && { text: String(row.text), context: sealedPlace.signingKey(String(row.id)) }
}
