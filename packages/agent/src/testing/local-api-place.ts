import { createCipheriv, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiError, newNsk, nskBytes, type SealedSecret } from '@plexd/protocol'
import { type Log, resolveLimits, silentLog, systemClock } from '@plexd/runtime'
import { limits } from '../config/limits.ts'
import { createProblems, type Problems } from '../health/problems.ts'
import { type LocalApi, type LocalApiOptions, startLocalApi } from '../local-api/server.ts'
import { exchange, type Send } from '../local-api/testing/exchange.ts'
import { plainAnswers } from '../local-api/testing/plain-answers.ts'
import { type DesiredState, type DesiredStore, emptyDesiredState } from '../state/desired-state.ts'
import { openDesiredStore } from '../state/desired-store.ts'
import { openReportStore, type ReportStore } from '../state/reports/report-store.ts'

/** A Local Node API on a real socket and a real port, with its stores in a folder of its own. */
export interface LocalApiPlace extends AsyncDisposable {
  folder: string
  socketPath: string
  token: string
  tokenFile: string
  desired: DesiredStore
  reports: ReportStore
  problems: Problems
  api: LocalApi
  /** Messages of level warn and error. */
  messages: string[]
  /** Over connections that are kept, as most programs do. */
  unix: Send
  tcp: Send
  /** Over a connection for each request. */
  oneShot: Send
  /** What the control plane answers for a secret. */
  secrets: Map<string, SealedSecret | Error>
  nsk: string
}

const defaults = resolveLimits(limits, {})

const tokenText = 'c2VjcmV0LXRva2Vu/+='

export async function startPlace(
  state: Partial<DesiredState> = {},
  overrides: Partial<LocalApiOptions> = {},
): Promise<LocalApiPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-local-api-'))
  const socketPath = join(folder, 'run', 'api.sock')
  const tokenFile = join(folder, 'api-token')
  await writeFile(tokenFile, `  ${tokenText}\n`, { mode: 0o600 })
  const messages: string[] = []
  const note = (message: string): void => {
    messages.push(message)
  }
  const log: Log = { ...silentLog, warn: note, error: note }
  const desired = await openDesiredStore({ dataDir: folder, log })
  await desired.replace({ ...emptyDesiredState, ...state })
  const reports = await openReportStore({
    dataDir: folder,
    clock: systemClock,
    log,
    limits: overrides.limits ?? defaults,
  })
  const problems = createProblems()
  const secrets = new Map<string, SealedSecret | Error>()
  const nsk = newNsk('base64')
  const clean = async (): Promise<void> => {
    await reports[Symbol.asyncDispose]()
    await desired[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  }
  const starting = startLocalApi({
    socketPath,
    http: { listen: '127.0.0.1:0', tokenFile },
    desired,
    reports,
    problems,
    limits: defaults,
    clock: systemClock,
    log,
    nsk: () => nsk,
    ...plainAnswers,
    async fetchSecret(key) {
      const sealed = secrets.get(key) ?? new ApiError('not_found', 'no such secret')
      if (sealed instanceof Error) throw sealed
      return sealed
    },
    ...overrides,
  })
  starting.catch(clean)
  const api = await starting
  const agent = new http.Agent({ keepAlive: true })
  const port = Number(api.httpAddress?.split(':').at(-1))
  return {
    ...{ folder, socketPath, tokenFile, token: tokenText },
    ...{ desired, reports, problems, api, messages, secrets, nsk },
    unix: (method, path, options) => exchange({ socketPath, agent, method, path }, options),
    tcp: (method, path, options) =>
      exchange({ host: '127.0.0.1', port, agent, method, path }, withToken(options)),
    oneShot: (method, path, options) =>
      exchange({ socketPath, agent: false, method, path }, options),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      agent.destroy()
      await clean()
    },
  }
}

export interface User {
  uid: number
  gid: number
  groups: number[]
}

/** A connection that this process opens as another user, which takes root. */
export function connectAs({ uid, gid, groups }: User, socketPath: string): net.Socket {
  const before = process.getgroups?.() ?? []
  process.setgroups?.(groups)
  process.setegid?.(gid)
  process.seteuid?.(uid)
  try {
    // The connection is made within the call, the rest happens as root again.
    return net.connect(socketPath)
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
    process.setgroups?.(before)
  }
}

/** With the token, unless the request says something about it. */
function withToken(options: Parameters<Send>[2] = {}): Parameters<Send>[2] {
  return { ...options, headers: { authorization: `Bearer ${tokenText}`, ...options.headers } }
}

/** As the control plane seals it. */
export function seal(key: string, value: string, version: number, nsk: string): SealedSecret {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', nskBytes(nsk), nonce)
  const bytes = Buffer.concat([cipher.update(value), cipher.final(), cipher.getAuthTag()])
  return { key, ciphertext: bytes.toString('base64'), nonce: nonce.toString('base64'), version }
}
