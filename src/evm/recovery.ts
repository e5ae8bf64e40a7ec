import { secp256k1 } from '@noble/curves/secp256k1.js'
import { fromHex, toHex } from '../lib/hex.ts'

/** Finds the public key behind an ECDSA signature over secp256k1. */
export interface Recovery {
  readonly engine: Engine
  /**
   * The key, 65 bytes beginning with 4; `null` when there is none: numbers of zero or of the curve's order and above, or
   * an `r` that is no point.
   *
   * @param digest - 32 bytes.
   * @param signature - `r` and `s`, 64 bytes.
   * @param parity - Of the point's y: 0 or 1.
   */
  recover(digest: Uint8Array, signature: Uint8Array, parity: 0 | 1): Uint8Array | null
}

/** `native`: libsecp256k1 as the package `secp256k1` has it. `wasm`: as WebAssembly. `js`: @noble/curves, anywhere. */
export type Engine = 'native' | 'wasm' | 'js'

/** From the fastest to the one that is always there. */
export const ENGINES: readonly Engine[] = ['native', 'wasm', 'js']

let chosen: Recovery | undefined

/** The fastest recovery there is here. It is looked for once, when it is first needed. */
export function fastestRecovery(): Recovery {
  chosen ??= ENGINES.map(openRecovery).find((recovery) => recovery !== null) ?? js
  return chosen
}

/** Which code recovers signers here: shown by `coffer doctor`. */
export function recoveryEngine(): Engine {
  return fastestRecovery().engine
}

/** A recovery by one engine; `null` when it cannot be loaded here, or does not work. */
export function openRecovery(engine: Engine): Recovery | null {
  if (engine === 'js') return js
  try {
    const recovery = engine === 'native' ? openNative() : openWasm()
    return recovery !== null && isRight(recovery) ? recovery : null
  } catch {
    // Not installed, not built for this machine, or a runtime that lets no package read its files.
    return null
  }
}

const js: Recovery = {
  engine: 'js',
  recover(digest, signature, parity) {
    try {
      const parsed = secp256k1.Signature.fromBytes(signature, 'compact').addRecoveryBit(parity)
      return parsed.recoverPublicKey(digest).toBytes(false)
    } catch {
      return null
    }
  },
}

function openNative(): Recovery | null {
  // Not its main module, which falls back to slow code silently.
  const recover = functionOf(load('secp256k1/bindings'), 'ecdsaRecover')
  return recover && wrap('native', (digest, signature, parity) => recover(signature, parity, digest, false))
}

function openWasm(): Recovery | null {
  const recover = functionOf(load('tiny-secp256k1'), 'recover')
  return recover && wrap('wasm', (digest, signature, parity) => recover(digest, signature, parity, false))
}

function wrap(engine: Engine, recover: (...args: Parameters<Recovery['recover']>) => unknown): Recovery {
  return {
    engine,
    recover(digest, signature, parity) {
      try {
        const key = recover(digest, signature, parity)
        return key instanceof Uint8Array ? key : null
      } catch {
        return null
      }
    },
  }
}

/**
 * A package that has files of its own beside its code, which bundlers would lose: it is loaded by the runtime, out of
 * their sight. Where there is no `node:module`, as in Workers, neither are such packages.
 */
function load(name: string): unknown {
  const { createRequire } = process.getBuiltinModule('node:module')
  return createRequire(import.meta.url)(name)
}

function functionOf(from: unknown, name: string): ((...args: unknown[]) => unknown) | null {
  const found: unknown = typeof from === 'object' && from !== null ? Reflect.get(from, name) : undefined
  return typeof found === 'function' ? (...args) => Reflect.apply(found, from, args) : null
}

/** Whether an engine finds the key of a known signature: a binary that was built wrongly must not decide about money. */
function isRight(recovery: Recovery): boolean {
  const key = recovery.recover(new Uint8Array(32).fill(2), fromHex(KNOWN_SIGNATURE), 0)
  return key !== null && toHex(key) === KNOWN_KEY
}

const KNOWN_SIGNATURE =
  '0x97ef30233ead25d10f7bb2bf9eaf571a16f2deb33a75f20819284f0cb8ff3cc14870ca05940199c113b4dc77866f001702691cde269f6835581e7aea1ead2660'
const KNOWN_KEY =
  '0x041b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f70beaf8f588b541507fed6a642c5ab42dfdf8120a7f639de5122d47a69a8e8d1'
