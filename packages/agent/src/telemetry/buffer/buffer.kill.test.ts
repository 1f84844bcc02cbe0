import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { batchPositionHeader } from '@plexd/protocol'
import { serve } from '@plexd/runtime/testing'
import { saidUntilKilled } from '../../testing/said-until-killed.ts'
import { createRecordingPlane, rangesOf } from '../testing/recording-plane.ts'

/** PLEXD_TELEMETRY_KILL_ROUNDS=100 for the long run. */
const rounds = Number(process.env.PLEXD_TELEMETRY_KILL_ROUNDS ?? 4)
const program = fileURLToPath(new URL('../testing/buffer-writer.ts', import.meta.url))

it(`stores each record once, or counts it in a gap, over ${rounds} kill -9`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-kill-'))
  const plane = createRecordingPlane()
  let isKind = false
  await using server = await serve(async (request, response) => {
    const body = await buffer(request)
    await answer(plane, { body, isKind, request, response })
  })
  try {
    for (let round = 0; round < rounds; round++) await saidUntilKilled(program, folder, server.url)
    isKind = true
    await promisify(execFile)(process.execPath, [program, folder, server.url, 'send'])
    const [range, ...others] = rangesOf(plane.stored)
    assert.ok(range && others.length === 0, JSON.stringify([range, ...others].slice(0, 5)))
    assert.equal(range[0], 0)
    for (const { position, message, gap } of plane.stored)
      if (!gap) assert.equal(Number(message.split(' ')[0]), position)
  } finally {
    await rm(folder, { recursive: true })
  }
})

/** Now and then it is busy, wants less, or its answer is lost, be it that it has stored what came or not. */
async function answer(
  plane: ReturnType<typeof createRecordingPlane>,
  {
    body,
    isKind,
    request,
    response,
  }: { body: Buffer; isKind: boolean; request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const mood = isKind ? 1 : Math.random()
  if (mood < 0.2) return void response.writeHead(503).end()
  if (mood < 0.3) return void response.writeHead(413).end()
  if (mood < 0.4) return void response.destroy()
  const position = String(request.headers[batchPositionHeader])
  const stored = await plane.post({ body, position })
  if (mood < 0.6) return void response.destroy()
  response.end(JSON.stringify(stored))
}
