/** Runs the contract on S3 as a Worker: it is sent the options, and answers with what came of it. */
import { runContract } from '../runtimes/contract-runner.ts'
import { declareS3 } from './s3-contract.ts'

export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(await runContract(declareS3(await request.json())))
  },
}
