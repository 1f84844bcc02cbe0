import { describeError, describeMissing, findTool, installTool, type Tool } from '@plexd/runtime'
import { findUser } from '../../contain/launch/user.ts'
import type { HookDeclaration } from '../declared/declaration.ts'

const sandboxTools: Readonly<Record<HookDeclaration['sandbox'], Tool | undefined>> = {
  none: undefined,
  namespaced: 'bwrap',
  container: 'podman',
}

type Needs = Pick<HookDeclaration, 'sandbox' | 'user'>

/** What this machine lacks for a hook to run as it is declared, each with what to do about it. */
export type FindLacks = (needs: Needs) => Promise<string[]>

/** For one look at all hooks: each user is looked up once. */
export function createFindLacks(): FindLacks {
  const known = new Map<string, Promise<string[]>>()
  return (needs) =>
    known.getOrInsertComputed(`${needs.sandbox} ${needs.user ?? ''}`, () => lacksOf(needs))
}

async function lacksOf({ sandbox, user }: Needs): Promise<string[]> {
  const tool = sandboxTools[sandbox]
  const isMissing = tool !== undefined && (await findTool(tool)) === undefined
  const noUser = await findUser(user).then(
    () => [],
    (error: unknown) => [`${describeError(error)}: create it, or declare another`],
  )
  return isMissing ? [`${describeMissing(tool)}: ${installTool(tool)}`, ...noUser] : noUser
}
