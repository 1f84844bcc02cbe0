import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, until } from '@plexd/runtime/testing'

const program = process.env.PLEXD_TEST_VERSITYGW

/** Why tests of S3 are skipped; false where they are not. */
export const noS3 =
  program === undefined &&
  'there is no S3 server: name one with PLEXD_TEST_VERSITYGW, see CONTRIBUTING.md'

export interface TestS3 extends AsyncDisposable {
  readonly port: number
  /** A new bucket: the setting that names it. */
  createBucket(): Promise<string>
  /** All at once, as in a crash. */
  end(): Promise<void>
  /** Starts it again after its end, with all that it has. */
  start(): Promise<void>
}

/** What the server accepts. */
const credentials = {
  AWS_ACCESS_KEY_ID: 'plexd-test',
  AWS_SECRET_ACCESS_KEY: 'canary-of-the-store',
}

/** A server of its own with its objects in a temporary folder, on a port of 127.0.0.1. From here on this process has its credentials. */
export async function startS3(): Promise<TestS3> {
  if (program === undefined) throw new Error(String(noS3))
  const folder = await mkdtemp(join(tmpdir(), 'plexd-s3-'))
  const port = await freePort()
  Object.assign(process.env, credentials, { AWS_EC2_METADATA_DISABLED: 'true' })
  const env = {
    ROOT_ACCESS_KEY: credentials.AWS_ACCESS_KEY_ID,
    ROOT_SECRET_KEY: credentials.AWS_SECRET_ACCESS_KEY,
  }
  let server: ChildProcess
  let buckets = 0

  async function start(): Promise<void> {
    const args = ['--port', `127.0.0.1:${port}`, 'posix', folder]
    server = spawn(program ?? '', args, { env, stdio: 'ignore' })
    await until('the S3 server listens', () => answers(port))
  }
  async function end(): Promise<void> {
    const gone = once(server, 'exit')
    if (server.kill('SIGKILL')) await gone
  }
  await start()
  return {
    port,
    async createBucket() {
      const bucket = `bucket-${buckets++}`
      await mkdir(join(folder, bucket))
      return `s3://${bucket}/some/prefix?endpoint=http://127.0.0.1:${port}`
    },
    end,
    start,
    async [Symbol.asyncDispose]() {
      await end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const found = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false)
  socket.destroy()
  return found
}
