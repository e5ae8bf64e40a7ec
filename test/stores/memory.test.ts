import { describe, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { storeContract } from '../../src/testing/store-contract.ts'

storeContract({ describe, it }, (clock) => memory({ clock }))
