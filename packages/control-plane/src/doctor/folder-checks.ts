import { accessSync, constants, existsSync, type Stats, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { relative } from 'node:path'
import {
  type Check,
  describeError,
  type Finding,
  failed,
  keptFault,
  modeOf,
  ok,
  ownersHere,
  secretFault,
  systemRemedy,
  warning,
} from '@plexd/runtime'
import { databasesOf, fileIn, masterKeyFile, type Place } from './place.ts'

/** The data folder, its contents, and their permissions. */
export const folderChecks: readonly Check<Place>[] = [
  { name: 'data folder', run: checkFolder },
  { name: 'private files', run: checkFiles },
  { name: 'admin token', run: checkToken },
  { name: 'disk', run: checkDisk },
]

async function checkFolder({ config: { dataDir } }: Place): Promise<Finding> {
  let found: Stats
  try {
    found = statSync(dataDir)
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    return failed(
      describeError(error),
      systemRemedy(
        error,
        'name the folder with --data-dir, or run this as root or as the user of the control plane',
      ),
    )
  }
  if (!found.isDirectory())
    return failed(`"${dataDir}" is no folder`, 'name another with --data-dir')
  if ((found.mode & 0o022) !== 0)
    return failed(
      `users other than its owner may change "${dataDir}" (mode ${modeOf(found)})`,
      `chmod 700 ${dataDir}`,
    )
  return ok(`"${dataDir}", mode ${modeOf(found)}`)
}

/** Files that only the control plane's user may read. */
function privateFiles(place: Place): string[] {
  const names = [
    ...['admin-token', 'tls/server.key', 'lock'],
    // The files beside a database contain recent writes, and index them.
    ...databasesOf(place).flatMap((name) => [name, `${name}-wal`, `${name}-shm`]),
  ]
  const { caKeyFile = fileIn(place, 'tls/ca.key'), tlsKeyFile } = place.config
  const keys = [masterKeyFile(place), caKeyFile, ...(tlsKeyFile === undefined ? [] : [tlsKeyFile])]
  return [...names.map((name) => fileIn(place, name)), ...keys].filter((path) => existsSync(path))
}

async function checkFiles(place: Place): Promise<Finding> {
  const { dataDir } = place.config
  const files = privateFiles(place).map((path) => ({ path, found: statSync(path) }))
  if (files.length === 0)
    return failed(`"${dataDir}" holds nothing of a control plane`, startRemedy(place))
  // A file elsewhere may be provided by another user.
  const faultOf = (path: string, found: Stats) =>
    relative(dataDir, path).startsWith('..')
      ? secretFault(path, found)
      : keptFault(path, found, ownersHere(dataDir))
  const faults = files.flatMap(({ path, found }) => {
    const fault = faultOf(path, found)
    return fault ? [{ ...fault, path }] : []
  })
  if (faults.length > 0)
    return failed(
      faults.map(({ path, reason }) => `"${path}": ${reason}`).join('; '),
      faults.map(({ remedy }) => remedy).join(' && '),
    )
  const elsewhere = files.filter(({ path }) => relative(dataDir, path).startsWith('..'))
  const named = elsewhere.map(({ path }) => `, "${path}" among them`)
  return ok(`${files.length} that are kept from others${named.join('')}`)
}

async function checkToken(place: Place): Promise<Finding> {
  const path = fileIn(place, 'admin-token')
  if (!existsSync(path)) return ok('none lies about')
  return warning(
    `the token of the first operator is still in "${path}": whoever copies the folder is an owner`,
    `keep it elsewhere, tell plexctl where (plexctl config set --token-file FILE), and remove it: rm ${path}`,
  )
}

const mebibyte = 1024 ** 2
/** The size of a large mesh's event log; with less free space, a single large request may fail. */
const [scantBytes, tooFewBytes] = [1024 * mebibyte, 64 * mebibyte]

async function checkDisk({ config: { dataDir } }: Place): Promise<Finding> {
  if (!existsSync(dataDir)) return failed(`there is no "${dataDir}"`, 'name it with --data-dir')
  const { bavail, bsize, ffree, files } = await statfs(dataDir)
  const free = bavail * bsize
  const detail = `${Math.floor(free / mebibyte)} MiB free for "${dataDir}"`
  const remedy = 'make room, or keep less: limits telemetry_bytes and audit_bytes'
  if (files > 0 && ffree === 0) return failed(`no file more fits beside "${dataDir}"`, 'make room')
  if (free < tooFewBytes) return failed(detail, remedy)
  return free < scantBytes ? warning(detail, remedy) : ok(detail)
}

export function startRemedy({ config: { dataDir } }: Place): string {
  return `systemctl start plexd-control-plane, or plexd-control-plane serve --data-dir ${dataDir}`
}
