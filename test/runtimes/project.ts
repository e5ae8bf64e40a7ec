import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../package/imports.ts'
import { installPacked } from '../package/pack.ts'

/** A seller's project with the packed package in it. What else it imports is found in the folders above. */
export interface Project {
  readonly folder: string
  remove(): Promise<void>
}

/** Makes an empty project. */
export async function createProject(): Promise<Project> {
  const folder = await mkdtemp(join(import.meta.dirname, '.project-'))
  await installPacked(folder)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  return { folder, remove: () => rm(folder, { recursive: true, maxRetries: 10 }) }
}

/** Makes a project with the apps of these tests, at the same paths as here. */
export async function createAppProject(): Promise<Project> {
  const project = await createProject()
  for (const part of ['test/runtimes/apps', 'test/gate/scripted-protocol.ts']) {
    await cp(join(ROOT, part), join(project.folder, part), { recursive: true })
  }
  return project
}
