/** What nodes report apart from their state: the three kinds of batches, and also drift and violations. */
export const recordKinds = ['metrics', 'logs', 'audit', 'drift', 'violations'] as const
export type RecordKind = (typeof recordKinds)[number]

export function isRecordKind(text: string): text is RecordKind {
  return (recordKinds as readonly string[]).includes(text)
}
