/** `node download-server.ts FOLDER KEY CERTIFICATE`: a folder over HTTPS, at /plexd/; says on stdout when it listens. */
import { createReadStream, readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const [folder = '', key = '', cert = ''] = process.argv.slice(2)

const server = createServer(
  { key: readFileSync(key), cert: readFileSync(cert) },
  async ({ url = '' }, response) => {
    const [, name = ''] = /^\/plexd\/([\w.~+-]+)$/.exec(url) ?? []
    const file = createReadStream(join(folder, name))
    file.on('error', () => response.writeHead(404).end())
    await pipeline(file, response).catch(() => undefined)
  },
)
server.listen(443, () => process.stdout.write('listens\n'))
