/** Runs under Deno: times a store in Deno KV, and tells its parent. */
import process from 'node:process'
import { denoKv } from 'coffer/deno-kv'
import { deno } from '../test/runtimes/deno.ts'
import { timeStore } from './storage-jobs.ts'

const [path = ':memory:', roundMs = '50'] = deno.args
const kv = await deno.openKv(path)
process.send?.(await timeStore(denoKv(kv), Number(roundMs)))
