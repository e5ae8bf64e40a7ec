/** What `mppx validate` pays with: the payers and the chains that the test names in the environment. */
import type { Hex } from '../../src/lib/hex.ts'
import { type EvmEndpoint, evmMethod, type TempoEndpoint, tempoMethod } from '../clients/official.ts'

/** As JSON in `MPPX_TEST_PAYERS`. */
export interface MppxPayers {
  readonly evm: { readonly key: Hex; readonly chain: EvmEndpoint }
  readonly tempo: { readonly key: Hex; readonly chain: TempoEndpoint; readonly mode: 'pull' | 'push' }
}

const { evm, tempo } = JSON.parse(process.env['MPPX_TEST_PAYERS'] ?? '') as MppxPayers

export default {
  methods: [tempoMethod(tempo.key, tempo.chain, tempo.mode), evmMethod(evm.key, evm.chain)],
}
