import { bwrapDriver } from '../../src/sandbox/bwrap/bwrap.ts'
import { sandboxContract } from '../contracts/sandbox.ts'
import { bwrapPath, pythonHas, pythonPath, testFolder, whyMissing } from './available.ts'

const skip = whyMissing('bwrap')

sandboxContract({
  name: 'bwrap',
  driver: bwrapDriver({ folder: testFolder('bwrap'), pythonPath, bwrapPath, preload: [] }),
  skip,
  matplotlib: skip === undefined && pythonHas('matplotlib'),
})
