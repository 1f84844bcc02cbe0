import { custom } from '../../command.ts'
import type { Context } from '../../context.ts'
import { printNote } from '../../terminal/output.ts'
import { openSession } from './client/session.ts'
import { addSessionFlags, placeArgument, placeOf, type SessionFlags, specOf } from './flags.ts'
import { listenFor } from './forwarding/listen.ts'
import { type Forward, parseForward, targetOf } from './forwarding/target.ts'

export const forwardCommand = custom({
  name: 'forward',
  description: 'listen on 127.0.0.1 and lead to a port that a node can reach',
  args: [
    placeArgument,
    [
      '<target>',
      '[LOCALPORT:][HOST:]PORT; HOST as the node sees it (default 127.0.0.1), LOCALPORT 0 for any that is free',
      parseForward,
    ],
  ],
  flags: addSessionFlags,
  json: false,
  examples: [
    'plexctl forward db-01 5432',
    'plexctl forward web-01 8080:80',
    'plexctl forward web-01 15432:db.internal:5432 --ttl 8h',
  ],
  run: forward,
})

async function forward(
  { io, connect }: Context,
  node: string,
  target: Forward,
  flags: SessionFlags,
): Promise<void> {
  const interrupted = io.interrupted()
  const spec = specOf(placeOf(node, flags), flags)
  const allowed = { shell: false, forward: [targetOf(target)] }
  using session = await openSession(await connect(), { ...spec, ...allowed })
  using listener = await listenFor(session.client, target, (fault) => printNote(io, fault))
  io.stdout.write(
    `forwarding 127.0.0.1:${listener.port} to ${targetOf(target)} on ${session.node}, session ${session.session.id}\n`,
  )
  await Promise.race([session.ended, aborted(interrupted)])
  if (!interrupted.aborted) throw await session.explainEnd()
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
}
