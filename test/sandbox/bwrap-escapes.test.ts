import { bwrapDriver } from '../../src/sandbox/bwrap.ts'
import { escapeSuite } from '../contracts/sandbox-escapes.ts'
import { bwrapPath, pythonPath, testFolder, whyMissing } from './available.ts'

escapeSuite({
  name: 'bwrap',
  driver: bwrapDriver({ folder: testFolder('escapes'), pythonPath, bwrapPath, preload: [] }),
  skip: whyMissing('bwrap'),
  ownProcessList: true,
})
