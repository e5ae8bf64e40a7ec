/** Runs a contract under Bun or Deno: `<runtime> contract-main.ts <contract> <parameter>`. Prints what came of it as JSON. */
import { join } from 'node:path'
import process from 'node:process'
import { fsBlobs } from '../../src/blobs/fs.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { blobContract } from '../../src/testing/blob-contract.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { declareS3 } from '../blobs/s3-contract.ts'
import { type Declare, runContract } from './contract-runner.ts'

/** The contracts that can be run, by what they are about. */
export const contracts = {
  /** Parameter: the options as JSON. */
  s3: (options: string): Declare => declareS3(JSON.parse(options)),

  /** Parameter: an empty folder. */
  fs(folder: string): Declare {
    let roots = 0
    return (runner) => blobContract(runner, () => fsBlobs(join(folder, `${++roots}`, 'blobs')))
  },

  /** Parameter: an empty folder. */
  sqlite(folder: string): Declare {
    let files = 0
    return (runner) => storeContract(runner, (clock) => sqlite(join(folder, `${++files}.db`), { clock }))
  },
} as const

const [program = '', name = '', parameter = ''] = process.argv.slice(1)
if (program.endsWith('contract-main.ts')) {
  const contract = contracts[name as keyof typeof contracts]
  console.log(JSON.stringify(await runContract(contract(parameter))))
}
