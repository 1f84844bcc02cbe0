import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { authority, serve } from '@plexd/runtime/testing'

/** An answer in the place of the control plane's. */
export interface Instead {
  status: number
  headers?: Record<string, string>
  body?: string
}

/** A proxy that ends TLS before the control plane, as balancers do; what it does not answer itself it passes on. */
export interface Middlebox extends AsyncDisposable {
  readonly url: string
  readonly caFile: string
  /** What it answers to a path itself; nothing at first. */
  answer: (path: string) => Instead | undefined
  /** Paths that it answered itself. */
  readonly answered: string[]
  /** Ends what is open through it. */
  cut(): void
}

export async function startMiddlebox(
  folder: string,
  target: { url: string; caFile: string },
): Promise<Middlebox> {
  const caFile = join(folder, 'middlebox-ca.crt')
  await writeFile(caFile, authority)
  const ca = await readFile(target.caFile)
  const agent = new https.Agent({ ca, keepAlive: true })

  function passOn(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request
    const onward = https.request(new URL(url, target.url), { method, headers, agent }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('error', () => response.destroy()).pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  }

  const served = await serve(
    (request, response) => {
      const path = request.url ?? ''
      const instead = box.answer(path)
      if (!instead) return passOn(request, response)
      request.resume()
      box.answered.push(path)
      response.writeHead(instead.status, instead.headers).end(instead.body)
    },
    { tls: true },
  )
  const box: Middlebox = {
    url: served.url,
    caFile,
    answer: () => undefined,
    answered: [],
    cut: () => served.server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      agent.destroy()
      await served[Symbol.asyncDispose]()
    },
  }
  return box
}
