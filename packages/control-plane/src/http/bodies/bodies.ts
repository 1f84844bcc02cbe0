import type { IncomingMessage, ServerResponse } from 'node:http'
import { ApiError, boundRefusal, JsonGate, jsonBoundsOf, type Operation } from '@plexd/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Limits } from '../../limits.ts'
import { type BodyBudget, type Bound, createBodyBudget } from './body-budget.ts'
import { bodyErrorOf, encodingOf, unpacked } from './content-encoding.ts'

/** A request and its reply; when the reply ends, the memory of the body is released. */
export interface Exchange {
  request: FastifyRequest
  reply: FastifyReply
}

/** Reads all bodies that are kept in memory. */
export interface Bodies {
  /**
   * The decompressed body if it stays within the bounds of its row, not yet parsed. Throws an ApiError, with the status of
   * the row, as soon as a bound is exceeded: the rest is not read or decompressed.
   */
  read(exchange: Exchange, operation: Operation): Promise<Buffer>
  /** The first `maxBytes` of a node's body, and whether it is complete: for a caller that must not be refused. */
  readSome(exchange: Exchange, maxBytes: number): Promise<{ body: Buffer; isWhole: boolean }>
}

type BudgetName =
  | 'body_bytes_in_flight'
  | 'caller_body_bytes_in_flight'
  | 'stranger_body_bytes_in_flight'

/** Counts the decompressed bytes that a node has sent, including those of refused bodies, but not batches. */
export type CountBytes = (principal: unknown, bytes: number) => void

export function createBodies(limits: Limits, count: CountBytes = () => {}): Bodies {
  const bound = (name: BudgetName): Bound => ({ name, bytes: limits[name] })
  const known = {
    budget: createBodyBudget({
      all: bound('body_bytes_in_flight'),
      each: bound('caller_body_bytes_in_flight'),
    }),
    timeoutMs: limits.body_ms,
  }
  const stranger = {
    budget: createBodyBudget({ all: bound('stranger_body_bytes_in_flight') }),
    timeoutMs: limits.stranger_body_ms,
  }

  return {
    async read({ request, reply }, operation) {
      const bounds = jsonBoundsOf(operation)
      const { auth } = operation
      const isStranger = auth === 'bootstrap' || auth === 'none'
      const isCounted = auth === 'node' && operation.requestKind !== 'batch'
      const announced = Number(request.headers['content-length'] ?? 0)
      if (encodingOf(request) === 'identity' && announced > bounds.maxBytes)
        throw boundRefusal(operation, 'bytes', aboutOf(request))
      const gate = new JsonGate(bounds)
      const check = (chunk: Buffer): boolean => {
        const passed = gate.take(chunk)
        if (passed) throw boundRefusal(operation, passed, aboutOf(request))
        return true
      }
      return collect(request.raw, reply.raw, {
        ...(isStranger ? stranger : known),
        check,
        count: (bytes) => isCounted && count(request.principal, bytes),
      })
    },
    async readSome({ request, reply }, maxBytes) {
      let bytes = 0
      let isWhole = true
      const check = (chunk: Buffer): boolean => {
        bytes += chunk.length
        isWhole = bytes <= maxBytes
        return isWhole
      }
      const body = await collect(request.raw, reply.raw, {
        ...known,
        check,
        count: (bytes) => count(request.principal, bytes),
      })
      return { body, isWhole }
    },
  }
}

/** The names in the path, so that a client that writes many things learns which one was refused. */
function aboutOf({ params }: FastifyRequest): string | undefined {
  const named = Object.entries({ ...(params as Record<string, string> | null) }) // texts, of the path
  const [name, value] = named.find(([param]) => param === 'key' || param === 'name') ?? []
  return value === undefined ? undefined : `${name} ${JSON.stringify(value.slice(0, 64))}`
}

interface Collecting {
  budget: BodyBudget
  timeoutMs: number
  /** Sees each chunk before it is stored; throws, or returns false to stop reading. */
  check(chunk: Buffer): boolean
  count(bytes: number): void
}

/** The whole body; its memory is returned to the budget when the response is finished. */
function collect(
  raw: IncomingMessage,
  response: ServerResponse,
  { budget, timeoutMs, check, count }: Collecting,
): Promise<Buffer> {
  const source = unpacked(raw)
  const chunks: Buffer[] = []
  let taken = 0
  // The caller was determined by the token before the body is read.
  const caller = raw.headers.authorization?.split(' ').at(-1) ?? ''
  let isDone = false
  return new Promise<Buffer>((resolve, reject) => {
    const timer = setTimeout(tooSlow, timeoutMs)
    response.once('close', giveBack)
    if (response.destroyed || (raw.destroyed && !raw.complete)) return cutOff()
    source.on('data', keep).once('end', finish).once('error', fail).once('close', cutOff)

    function keep(chunk: Buffer): void {
      try {
        if (!check(chunk)) finish()
        else hold(chunk)
      } catch (error) {
        fail(error)
      }
    }

    function hold(chunk: Buffer): void {
      budget.take(caller, chunk.length)
      taken += chunk.length
      chunks.push(chunk)
    }

    function finish(): void {
      stop()
      resolve(Buffer.concat(chunks))
    }

    function fail(error: unknown): void {
      stop()
      reject(bodyErrorOf(error))
    }

    function tooSlow(): void {
      fail(new ApiError('bad_request', 'the request body took too long', { status: 408 }))
    }

    function cutOff(): void {
      fail(undefined)
    }

    /** The client may disconnect before decompression is done; memory taken after that would never be released. */
    function giveBack(): void {
      if (!isDone) cutOff()
      budget.giveBack(caller, taken)
    }

    function stop(): void {
      isDone = true
      count(taken)
      clearTimeout(timer)
      source.off('data', keep).off('end', finish).off('error', fail).off('close', cutOff)
      source.on('error', ignore)
      // The connection may be reused: the rest of the body is discarded, see drain.ts.
      if (source === raw) raw.pause()
      else source.destroy()
    }
  })
}

function ignore(): void {}
