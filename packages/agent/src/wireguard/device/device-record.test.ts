import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type DeviceRecord, emptyRecord, keepRecord, recordPath } from './device-record.ts'

const record: DeviceRecord = {
  public_key: 'own',
  peers: { new: { id: 'n_db', endpoint: '' } },
  handovers: [{ peer_id: 'n_db', from: 'old', to: 'new', allowed_ips: [], started_ms: 1 }],
}

describe('the record of an interface', () => {
  it('is read as it was saved, by its owner alone', async () => {
    await using folder = await makeFolder()
    const path = recordPath(folder.path, 'plexd0')

    await using kept = await keepRecord(path)
    await kept.replace(record)

    await using again = await keepRecord(path)
    assert.deepEqual(again.current(), record)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })

  it('is saved at the end at the latest', async () => {
    await using folder = await makeFolder()
    const path = recordPath(folder.path, 'plexd0')
    const next = { ...record, handovers: [] }
    {
      await using kept = await keepRecord(path)
      await kept.replace({ ...next, peers: {} })
      await kept.replace(next)
    }

    await using again = await keepRecord(path)
    assert.deepEqual(again.current(), next)
  })

  it('is gone when it is removed', async () => {
    await using folder = await makeFolder()
    const path = recordPath(folder.path, 'plexd0')
    await using kept = await keepRecord(path)
    await kept.replace(record)

    await kept.remove()

    assert.equal(kept.current(), emptyRecord)
    await assert.rejects(stat(path), /ENOENT/)
  })

  it('is empty where there is none, or another thing', async () => {
    await using folder = await makeFolder()
    const path = recordPath(folder.path, 'plexd0')
    const read = async (): Promise<DeviceRecord> => {
      await using kept = await keepRecord(path)
      return kept.current()
    }
    assert.deepEqual(await read(), emptyRecord)
    for (const text of ['{', '[]', '{"public_key":"own","peers":{},"handovers":[{}]}']) {
      await writeFile(path, text)
      assert.deepEqual(await read(), emptyRecord, text)
    }
  })
})

async function makeFolder() {
  const path = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
