import { landlockDriver } from '../../src/sandbox/landlock.ts'
import { escapeSuite } from '../contracts/sandbox-escapes.ts'
import { pythonPath, testFolder, whyMissing } from './available.ts'

escapeSuite({
  name: 'landlock',
  driver: landlockDriver({ folder: testFolder('escapes'), pythonPath, preload: [] }),
  skip: whyMissing('landlock'),
  ownProcessList: false,
})
