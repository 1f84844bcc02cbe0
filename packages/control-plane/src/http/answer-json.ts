import type { FastifyReply } from 'fastify'

/** Answers with JSON text as it is: nothing of it is parsed, rounded or written anew. */
export function answerJson(reply: FastifyReply, text: string): never {
  reply.type('application/json; charset=utf-8')
  return text as never // the server sends text as it is
}
