import { Type } from 'typebox'
import { pageOf } from '../../admin/page.ts'
import { operation } from '../../operations/operation.ts'
import { OpenedSession, Session, SessionSpec, SessionState } from '../../sessions/session.ts'
import { needs, Paging, read } from './row.ts'

/** Remote sessions on nodes, and their recordings. */
export const sessions = {
  connectSession: operation({
    ...needs('GET', 'sessions.open'),
    path: '/admin/v1/sessions/{session}/connect',
    summary:
      'Connect to a relayed session of your own: the bytes of the WebSocket reach the node, and its own come back',
    responseKind: 'websocket',
    status: 101,
    errors: [404, 409, 426],
  }),
  openSession: operation({
    ...needs('POST', 'sessions.open'),
    furtherPermissions: ['sessions.root', 'sessions.forward', 'sessions.unrecorded'],
    path: '/admin/v1/sessions',
    summary:
      'Open a remote session on a node; as root, with forwards or without a recording it needs further permissions',
    request: SessionSpec,
    response: OpenedSession,
    status: 201,
    errors: [400, 404, 409, 429],
  }),
  listSessions: operation({
    ...read('sessions'),
    path: '/admin/v1/sessions',
    summary: 'List sessions, newest first',
    query: Type.Interface([Paging], {
      node: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
      state: Type.Optional(SessionState),
    }),
    response: pageOf(Session),
    errors: [400, 404],
  }),
  getSession: operation({
    ...read('sessions'),
    path: '/admin/v1/sessions/{session}',
    summary: 'Read one session; ?wait blocks until its node is ready or it has closed',
    query: Type.Object({
      wait: Type.Optional(Type.String({ description: 'Go duration, "60s" at most' })),
    }),
    response: Session,
    errors: [400, 404],
  }),
  revokeSession: operation({
    ...needs('POST', 'sessions.revoke'),
    path: '/admin/v1/sessions/{session}/revoke',
    summary: 'End a session at once, whatever happens in it; may be repeated',
    response: Session,
    errors: [404, 409],
  }),
  getRecording: operation({
    ...needs('GET', 'sessions.play'),
    path: '/admin/v1/sessions/{session}/recording',
    summary:
      'Read the recording of a session as asciicast v2; what of it is missing or damaged is said in it. Who looks is on record',
    responseKind: 'bytes',
    errors: [404],
  }),
} as const
