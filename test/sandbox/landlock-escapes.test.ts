import { landlockDriver } from '../../src/sandbox/landlock/landlock.ts'
import { escapeSuite } from '../contracts/sandbox-escapes.ts'
import { pythonPath, seesProcesses, testFolder, whyMissing } from './available.ts'

const skip = whyMissing('landlock')

escapeSuite({
  name: 'landlock',
  driver: landlockDriver({ folder: testFolder('escapes'), pythonPath, preload: [] }),
  skip,
  ownProcessList: false,
  seesProcesses: skip === undefined && seesProcesses(),
})
