import assert from 'node:assert/strict'
import type { Machine } from './machines.ts'

/** Not in files that others may read, nor in histories of shells, nor in the journal. */
export async function isNowhere({ run }: Machine, secret: string): Promise<void> {
  const files =
    'find /var/log /run /tmp /home /root -type f \\( -perm /044 -o -name ".*history" \\)'
  assert.equal(await run(`${files} -exec grep -lF -e '${secret}' {} +  2>/dev/null || true`), '')
  const journal = `journalctl --no-pager -o export | grep -cF -e '${secret}'`
  assert.equal(await run(`${journal} || true`), '0\n')
}
