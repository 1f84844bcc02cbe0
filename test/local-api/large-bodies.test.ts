import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { adminApi } from '@plexd/protocol'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { curl, curlSocket } from '../support/curl.ts'
import { openSystem } from '../support/open-system.ts'

const mebibyte = 1024 * 1024

describe('a body that is too large', () => {
  const system = openSystem()
  let agent: AgentProcess
  let file: string
  let largeFile: string

  before(async () => {
    agent = await system.startAgent('node-01')
    file = join(system.folder, 'fifteen')
    largeFile = join(system.folder, 'hundred')
    await writeFile(file, `"${'x'.repeat(15 * mebibyte)}"`)
    await writeFile(largeFile, `"${'x'.repeat(100 * mebibyte)}"`)
  })

  it('is refused by the control plane in words that plexctl shows', async () => {
    const { code, stderr } = await system.plexctl(
      ...['data', 'put', 'large', '--selector', '*', '--file', file],
    )
    assert.equal(code, 2)
    assert.match(
      stderr,
      new RegExp(`request body is larger than ${adminApi.putData.maxBodyBytes} bytes`),
    )
  })

  it('is refused by plexd itself before it asks the daemon', async () => {
    const { code, stderr } = await runProgram(
      'plexd',
      ['state', 'report', 'large', '--data', '-', '--socket', agent.socket],
      {},
      `"${'x'.repeat(2 * mebibyte)}"`,
    )
    assert.equal(code, 2)
    assert.match(stderr, /^plexd: --data: \d+ bytes: a report entry has at most 1048576: /)
  })

  for (const [sort, path] of [
    ['with a length', () => ['-T', largeFile]],
    ['without one', () => ['-H', 'Transfer-Encoding: chunked', '-T', largeFile]],
  ] as const) {
    it(`gets its answer ${sort}, from the daemon and from the control plane`, async () => {
      const put = ['-X', 'PUT', '-H', 'Content-Type: application/json', ...path()]
      const local = await curlSocket(agent.socket, '/v1/state/report/large', ...put)
      assert.deepEqual([local.status, local.json()], [400, { error: 'invalid JSON body' }])
      const { url, caFile } = system.controlPlane
      const authorization = ['-H', `Authorization: Bearer ${system.adminToken}`]
      const data = await curl(
        ...['--cacert', caFile, ...authorization, ...put, `${url}/admin/v1/data/large`],
      )
      assert.equal(data.status, 413)
    })
  }
})
