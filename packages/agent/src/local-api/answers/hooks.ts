import type { Hooks } from '../../hooks/hooks.ts'
import { type Answer, goJson, liveAnswer } from '../requests/answer.ts'
import type { RouteName } from '../requests/routes.ts'

/** The operations on hooks, by route. */
export function createHookReader(hooks: Pick<Hooks, 'list' | 'reload'>) {
  return {
    listHooks: () => liveAnswer(goJson(hooks.list())),
    reloadHooks: async () => liveAnswer(goJson(await hooks.reload())),
  } satisfies { [Name in RouteName]?: () => Answer | Promise<Answer> }
}
