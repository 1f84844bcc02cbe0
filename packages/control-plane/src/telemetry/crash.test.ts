import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { adminApi, type Client, controlApi, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type ControlPlaneProcess, startScript } from '../testing/child.ts'
import { dialects } from '../testing/databases.ts'
import { newPublicKey } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

const rounds = Number(process.env.PLEXD_TELEMETRY_KILLS ?? 2)

/** A node that sends its records in order, each until it is acknowledged, as ours does. */
interface Sender {
  id: string
  token: string
  /** The position of the first record that is not acknowledged. */
  next: number
}

/** A file begins, goes or is thinned out all the time. */
const limits = {
  telemetry_file_ms: 300,
  telemetry_ms: 5_000,
  telemetry_prune_ms: 20,
  telemetry_bytes: 60_000,
  telemetry_records_per_second: 1_000_000,
}
const program = join(import.meta.dirname, '../testing/hasty-telemetry.ts')

for (const { name, skip, openDatabases } of dialects)
  describe(`telemetry of a control plane that is killed while it comes, on ${name}`, {
    skip,
  }, () => {
    it(`is stored exactly once, ${rounds} times, while files begin and go`, {
      timeout: 3_600_000,
    }, async (t) => {
      await using folder = await makeTemporaryFolder()
      await using databases = await openDatabases()
      const place = await databases.create()
      // A path is that of a file, which is in the data folder.
      const url = place.startsWith('postgres:') ? [place] : []
      const start = () => startScript(program, [folder.path, JSON.stringify(limits), ...url])
      const senders: Sender[] = []
      for (let round = 0; round < rounds; round++) {
        await using plane = await start()
        if (round === 0)
          for (let n = 0; n < 4; n++) senders.push(await enrol(plane, folder.path, `node-${n}`))
        const before = acknowledged(senders)
        const sending = senders.map((sender) => sendUntilCut(plane, sender))
        await Promise.race([
          ...sending,
          until('a batch is acknowledged', () => acknowledged(senders) > before, 60_000),
        ])
        await delay(Math.random() * 200)
        await plane.kill('SIGKILL')
        await Promise.all(sending)
      }
      await using plane = await start()
      // What was cut off by a kill may be stored: now all is known.
      for (const sender of senders) await send(plane, sender, 301)
      const ids: number[] = []
      for (const sender of senders) {
        const found = await stored(plane, folder.path, sender)
        const numbers = found.map(({ number }) => number)
        // Those that went were the oldest of the node.
        const [first = 0] = numbers
        assert.deepEqual(
          numbers,
          Array.from(numbers.keys(), (n) => first + n),
        )
        assert.equal(numbers.at(-1), sender.next - 1)
        ids.push(...found.map(({ id }) => id))
      }
      // Each record has one id, and those that went had theirs.
      const sum = acknowledged(senders)
      assert.equal(Math.max(...ids), sum)
      assert.equal(new Set(ids).size, ids.length)
      t.diagnostic(`${sum} records, of which ${sum - ids.length} are kept no longer`)
    })
  })

function acknowledged(senders: readonly Sender[]): number {
  return senders.reduce((sum, { next }) => sum + next, 0)
}

async function enrol(
  plane: ControlPlaneProcess,
  dataDir: string,
  hostname: string,
): Promise<Sender> {
  using transport = createHttpTransport({ baseUrl: plane.url, userAgent: 'plexd/test' })
  const { body } = await (await adminOf(transport, dataDir)).createToken({ body: {} })
  const { body: node } = await createClient(controlApi, transport).register({
    body: { token: body.token, public_key: newPublicKey(), hostname, capabilities: {} },
  })
  return { id: node.node_id, token: node.node_token ?? '', next: 0 }
}

async function adminOf(
  transport: ReturnType<typeof createHttpTransport>,
  dataDir: string,
): Promise<Client<typeof adminApi>> {
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
  return createClient(adminApi, transport, () => token)
}

async function sendUntilCut(plane: ControlPlaneProcess, sender: Sender): Promise<void> {
  try {
    for (;;) await send(plane, sender, 1 + Math.floor(Math.random() * 300))
  } catch (error) {
    // Another answer is a fault; none, which fetch says by a TypeError, is what this is about.
    if (!(error instanceof TypeError)) throw error
  }
}

async function send(plane: ControlPlaneProcess, sender: Sender, count: number): Promise<void> {
  const timestamp = new Date().toISOString()
  const records = Array.from({ length: count }, (_, n) =>
    JSON.stringify({ timestamp, message: `${sender.next + n}` }),
  )
  const answer = await fetch(`${plane.url}/v1/nodes/${sender.id}/logs`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${sender.token}`,
      'content-type': 'application/x-ndjson',
      'content-encoding': 'gzip',
      'plexd-batch': `0123456789abcdef ${sender.next} ${count}`,
    },
    body: gzipSync(records.join('\n')),
  })
  const text = await answer.text()
  assert.equal(answer.status, 202, text)
  sender.next += count
}

/** The records that the control plane has. */
async function stored(
  plane: ControlPlaneProcess,
  dataDir: string,
  { id }: Sender,
): Promise<{ id: number; number: number }[]> {
  using transport = createHttpTransport({ baseUrl: plane.url, userAgent: 'plexd/test' })
  const admin = await adminOf(transport, dataDir)
  const found: { id: number; number: number }[] = []
  for (let after: string | undefined; ; ) {
    const query = { limit: '500', ...(after === undefined ? {} : { after }) }
    const { body } = await admin.listTelemetry({ params: { node: id, kind: 'logs' }, query })
    for (const { id, record } of body.items)
      found.push({ id, number: Number((record as { message: string }).message) })
    if (body.next === null) return found
    after = body.next
  }
}
