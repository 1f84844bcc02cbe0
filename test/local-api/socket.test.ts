import assert from 'node:assert/strict'
import { mkdir, rm, rmdir, stat } from 'node:fs/promises'
import { before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { curlSocket } from '../support/curl.ts'
import { openSystem } from '../support/open-system.ts'

describe('the socket of the Local Node API', () => {
  const system = openSystem()
  let agent: AgentProcess
  before(async () => {
    agent = await system.startAgent('web')
  })

  const answers = () =>
    curlSocket(agent.socket, '/v1/state').then(
      ({ status }) => status === 200,
      () => false,
    )
  const doctor = async (): Promise<string> => {
    const own = ['--data-dir', agent.dataDir, '--socket', agent.socket]
    return (await runProgram('plexd', ['doctor', ...own])).stdout
  }

  it('is made again when somebody removes it', async () => {
    const { ino } = await stat(agent.socket)
    await rm(agent.socket)
    await until('it answers', answers)
    assert.notEqual((await stat(agent.socket)).ino, ino)
    assert.match(await doctor(), /ok +local socket: /)
  })

  it('is named by the doctor, and by the control plane, while something is in its place', async () => {
    const problems = async (): Promise<string> => {
      const { body } = await system.admin.getNode({ params: { node: 'web' } })
      return JSON.stringify(body)
    }
    await rm(agent.socket)
    await mkdir(agent.socket)
    assert.match(await doctor(), /FAILED +local socket: +".*" is not a socket\n +-> rm -r /)
    await until('the control plane knows', async () =>
      (await problems()).includes('the socket of the local API was removed'),
    )
    await rmdir(agent.socket)
    await until('it answers', answers)
    assert.match(await doctor(), /ok +local socket: /)
  })
})
