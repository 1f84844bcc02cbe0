import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { kill } from '../../scripts/laboratory/namespace.ts'
import type { MeshSystem } from '../../scripts/programs/mesh-system.ts'

/** Answers each request with a page of its own, where the control plane listened. */
const program = `
  const { createServer } = require('node:https')
  const { readFileSync } = require('node:fs')
  const [folder, host, port, status] = process.argv.slice(1)
  const cert = readFileSync(folder + '/server.crt')
  const key = readFileSync(folder + '/server.key')
  createServer({ cert, key }, (request, response) => {
    request.resume()
    response.writeHead(Number(status), { 'content-type': 'text/html' })
    response.end('<html><body><h1>' + status + '</h1></body></html>')
  }).listen(Number(port), host, () => console.log('listening'))`

/** With the certificate of the control plane, as balancers have it. Resolves to what ends it. */
export async function startProxy(
  { host, controlPlane }: Pick<MeshSystem, 'host' | 'controlPlane'>,
  status: number,
): Promise<() => Promise<void>> {
  const { hostname, port } = new URL(controlPlane.url)
  const args = [join(controlPlane.dataDir, 'tls'), hostname, port, `${status}`]
  const child = host.spawn([process.execPath, '-e', program, ...args])
  let said = ''
  child.stderr?.on('data', (text: Buffer) => {
    said += text
  })
  const lines = createInterface(child.stdout ?? process.stdin)
  await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => fail(said))])
  return () => kill(child)
}

function fail(said: string): never {
  throw new Error(`start a proxy in place of the control plane: it ended: ${said}`)
}
