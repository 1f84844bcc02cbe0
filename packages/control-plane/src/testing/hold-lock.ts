import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Another process that holds the write lock of a database. Disposing ends it. */
export interface HeldLock extends AsyncDisposable {
  release(): Promise<void>
}

const program = `
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(process.argv[1], { timeout: 5000 })
  database.exec('begin immediate')
  process.stdout.write('locked')
  process.stdin.on('end', () => { database.exec('rollback'); database.close() }).resume()`

export async function holdLock(path: string): Promise<HeldLock> {
  const child = spawn(process.execPath, ['-e', program, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  const release = async (): Promise<void> => {
    child.stdin.end()
    await exited
  }
  return { release, [Symbol.asyncDispose]: release }
}
