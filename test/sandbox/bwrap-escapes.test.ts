import { bwrapDriver } from '../../src/sandbox/bwrap/bwrap.ts'
import { escapeSuite } from '../contracts/sandbox-escapes.ts'
import { bwrapPath, pythonPath, seesProcesses, testFolder, whyMissing } from './available.ts'

const skip = whyMissing('bwrap')

escapeSuite({
  name: 'bwrap',
  driver: bwrapDriver({ folder: testFolder('escapes'), pythonPath, bwrapPath, preload: [] }),
  skip,
  ownProcessList: true,
  seesProcesses: skip === undefined && seesProcesses(),
})
