import { describe, it } from 'vitest'
import { sqlite } from '../../src/stores/sqlite.ts'
import { storeContract } from '../../src/testing/store-contract.ts'

storeContract({ describe, it }, (clock) => sqlite(':memory:', { clock }))
