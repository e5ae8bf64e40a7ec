import type { Adapter } from '../adapters/adapter.ts'
import { answers, failures } from './apps/ways.ts'
import { type Control, startControl } from './control.ts'
import type { Running } from './process.ts'
import { createAppProject, type Project } from './project.ts'

/** An adapter that runs in another process, from {@link open} to {@link close}. */
export interface Remote {
  readonly adapter: Adapter
  /** Where the app is served. */
  url(): string
  open(): Promise<void>
  close(): Promise<void>
}

/**
 * @param start - Starts one of the `apps` of a project.
 * @param differences - What of the adapter is not as usual.
 */
export function createRemote(
  start: (project: Project) => Promise<Running>,
  differences: Partial<Adapter> = {},
): Remote {
  let parts: { project: Project; running: Running; control: Control } | undefined
  function url(): string {
    if (parts === undefined) throw new Error('not open')
    return parts.running.url
  }

  return {
    url,
    adapter: {
      ways: Object.keys(answers),
      failures: Object.keys(failures),
      // Uploads go through two more connections to get here.
      uploadRoom: 32,
      ...differences,
      serve(seller, route, handler) {
        if (parts === undefined) throw new Error('not open')
        return parts.control.serve(url(), { seller, route, handler })
      },
    },
    async open() {
      const project = await createAppProject()
      parts = { project, running: await start(project), control: await startControl() }
    },
    async close() {
      await parts?.running.stop()
      await parts?.control.close()
      await parts?.project.remove()
    },
  }
}
