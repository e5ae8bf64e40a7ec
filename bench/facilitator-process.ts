/** A facilitator in a process of its own: `node facilitator-process.ts <chain as JSON> <private key>`. Says where it is. */

import type { Account } from '../test/chains/evm.ts'
import { startFacilitator } from '../test/chains/facilitator.ts'
import { answerParent } from './process.ts'

const [chain = '', privateKey = ''] = process.argv.slice(2)
const { url } = await startFacilitator(JSON.parse(chain), { privateKey } as Account)
answerParent(url, () => null)
