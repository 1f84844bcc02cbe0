/** A session that this node does not open. The message says why, for the operator; it has no secret. */
export class SessionRefusal extends Error {
  override name = 'SessionRefusal'
}
