import { writeSync } from 'node:fs'
import { storeChunk } from '../recorded-chunk.ts'
import { createRecorder } from '../recorder.ts'
import { openRecordingsIn } from './open-recordings.ts'

/** The program that the kill test of recordings kills: it records without end, and says on stdout which chunks were acknowledged. */
const [folder = '', session_id = ''] = process.argv.slice(2)
const key = Buffer.alloc(32, 5).toString('base64')
const queue = await openRecordingsIn(folder)
const recorder = createRecorder({
  ...{ session_id, key, input: false, width: 80, height: 24 },
  async store(chunk) {
    await storeChunk(queue, { session_id, ...chunk })
    writeSync(1, `${chunk.index}\n`)
  },
})
for (let n = 0; ; n++) await recorder.output(0, Buffer.from(`${n} ${'x'.repeat(20_000)}\r\n`))
