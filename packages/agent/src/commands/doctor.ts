import { tellFindings } from '@plexd/runtime'
import { examineNode } from '../doctor/examine-node.ts'
import { type Flags, type Json, loadConfigFor } from './given/flags.ts'

export async function runDoctor(flags: Flags, options: Json): Promise<void> {
  tellFindings(await examineNode(await loadConfigFor(flags)), options)
}
