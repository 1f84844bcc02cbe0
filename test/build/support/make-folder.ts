import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'plexd-test-'))
