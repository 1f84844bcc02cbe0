import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { parseDuration } from '@plexd/protocol'
import { CliError, describeError, exitCodes } from '@plexd/runtime'
import { InvalidArgumentError } from 'commander'
import { custom } from '../../command.ts'
import type { Context } from '../../context.ts'
import { durationFlag } from '../../terminal/input.ts'
import { sessionArgument } from './flags.ts'
import { readCast } from './recordings/cast.ts'
import { playCast } from './recordings/play.ts'

interface PlayFlags {
  speed: number
  idleLimit: string
  output?: string
  json?: boolean
}

export const playCommand = custom({
  name: 'play',
  description: 'show the recording of a session as it happened; that you looked is on record too',
  args: [sessionArgument],
  flags: (command) =>
    command
      .option('--speed <factor>', 'faster, or slower with a fraction', speedFlag, 1)
      .option('--idle-limit <duration>', 'the longest pause', durationFlag, '2s')
      .option(
        '-o, --output <file>',
        'keep it in a file (asciicast v2), and show nothing; "-": stdout',
      ),
  json: 'print its lines as they are; like -o -',
  examples: [
    'plexctl session play ses_a1b2c3d4 --speed 4',
    'plexctl session play ses_a1b2c3d4 -o session.cast',
  ],
  run: play,
})

async function play(
  { io, connect }: Context,
  id: string,
  { speed, idleLimit, json, output = json ? '-' : undefined }: PlayFlags,
): Promise<void> {
  const signal = io.interrupted()
  const { open } = await connect()
  const path = `/admin/v1/sessions/${encodeURIComponent(id)}/recording`
  const recording = await open({ method: 'GET', path, signal })
  const { stdout } = io.streams()
  if (output !== undefined && output !== '-') return keep(recording, output)
  if (output === '-') return pipeline(recording, stdout, { end: false })
  const lines = createInterface({ input: recording, crlfDelay: Number.POSITIVE_INFINITY })
  try {
    await playCast(readCast(lines), {
      output: stdout,
      notes: io.stderr,
      clock: io.clock,
      pace: stdout.isTTY ? { speed, idleLimitMs: parseDuration(idleLimit) } : undefined,
      signal,
    })
  } catch (error) {
    if (!signal.aborted) throw new CliError(`play session "${id}": ${describeError(error)}`)
  }
}

async function keep(recording: NodeJS.ReadableStream, path: string): Promise<void> {
  try {
    // It has what was on a screen, and perhaps what was typed.
    await pipeline(recording, createWriteStream(path, { mode: 0o600, flags: 'wx' }))
  } catch (cause) {
    throw new CliError(`write "${path}"`, exitCodes.failed, { cause })
  }
}

function speedFlag(text: string): number {
  const speed = Number(text)
  if (!(speed > 0 && speed <= 1_000))
    throw new InvalidArgumentError('Want a number above 0, such as 2 or 0.5.')
  return speed
}
