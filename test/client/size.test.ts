import { describe, expect, it } from 'vitest'
import { sizeOf } from '../../bench/bundle.ts'
import { isFile, loadedWith } from '../package/imports.ts'

describe('the client', () => {
  it.each([
    ['all of it', '*', 28_500],
    ['payFetch alone', '{ payFetch }', 27_200],
  ])('is as small in a page as it was (%s)', async (_what, exports, most) => {
    const { gzipped, hasViem } = await sizeOf(`export ${exports} from '../src/client.ts'`, 'browser')
    expect(gzipped).toBeLessThan(most)
    expect(hasViem).toBe(false)
  })

  it('loads no builtin of Node and no package but @noble/hashes before it is called', () => {
    const packages = [...loadedWith('src/client.ts')].filter((each) => !isFile(each))
    expect(packages.filter((name) => !name.startsWith('@noble/hashes'))).toEqual([])
  })
})
