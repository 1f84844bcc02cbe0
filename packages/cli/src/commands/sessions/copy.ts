import { CliError, exitCodes } from '@plexd/runtime'
import type { SFTPWrapper } from 'ssh2'
import { custom } from '../../command.ts'
import type { Context } from '../../context.ts'
import { openSession } from './client/session.ts'
import { callsUntil } from './files/call.ts'
import { type End, parseEnd } from './files/place.ts'
import { showProgress } from './files/progress.ts'
import { here, sideOf } from './files/side.ts'
import { download, upload } from './files/transfer.ts'
import { type Copying, copyTree } from './files/tree.ts'
import { addSessionFlags, placeOf, type SessionFlags, specOf } from './flags.ts'

interface CopyFlags extends SessionFlags {
  recursive?: boolean
}

export const copyCommand = custom({
  name: 'cp',
  description: 'copy files to a node, or from one',
  args: [
    ['<src>', 'a path, or [LOGIN@]NODE:PATH'],
    ['<dst>', 'likewise; exactly one of the two is on a node'],
  ],
  flags: (command) =>
    addSessionFlags(command.option('-r, --recursive', 'folders too, links followed')),
  json: false,
  examples: [
    'plexctl cp motd web-01:/etc/motd',
    'plexctl cp -r deploy@web-01:logs ./logs',
    'plexctl cp web-01:/var/log/syslog . --login root',
  ],
  footer:
    '\nPermissions are kept. A file has its name when all of it is there; what was there before stays until then.\n',
  run: copy,
})

async function copy(
  { io, connect }: Context,
  src: string,
  dst: string,
  flags: CopyFlags,
): Promise<void> {
  const from = parseEnd(src)
  const to = parseEnd(dst)
  const place = remoteOf(from, to)
  const signal = io.interrupted()
  using session = await openSession(await connect(), specOf(placeOf(place, flags), flags))
  try {
    const call = callsUntil(session.ended)
    const remote = { call, sftp: await call<SFTPWrapper>((done) => session.client.sftp(done)) }
    using progress = showProgress(io)
    const far = sideOf(remote, place)
    const ways: Pick<Copying, 'from' | 'to' | 'transfer'> = from.place
      ? { from: far, to: here, transfer: download(remote, progress.update) }
      : { from: here, to: far, transfer: upload(remote, progress.update) }
    await copyTree({ ...ways, recursive: flags.recursive === true, signal }, from.path, to.path)
  } catch (error) {
    if (signal.aborted) throw new CliError('interrupted', 130)
    throw session.isOver() ? await session.explainEnd() : error
  }
}

/** The one of both that is on a node. */
function remoteOf(from: End, to: End): string {
  const places = [from.place, to.place].filter((place) => place !== undefined)
  const [place] = places
  if (place !== undefined && places.length === 1) return place
  const why =
    place === undefined
      ? 'neither is on a node: write NODE:PATH for one of them'
      : 'both are on nodes: copy it here first'
  throw new CliError(`copy files: ${why}`, exitCodes.usage)
}
