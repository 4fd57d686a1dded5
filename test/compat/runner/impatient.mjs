/** The server as `npm start` runs it, but with a keep-alive each 200 ms, so that a short wait is a long idle stream. */
import { banner } from '../../../dist/banner.js'
import { openHouse } from '../../../dist/app.js'
import { readConfig } from '../../../dist/config/config.js'
import { openLogger } from '../../../dist/logger.js'
import { systemClock } from '../../../dist/util/clock.js'

const config = readConfig()
const logger = openLogger(config.logLevel)
const house = await openHouse(config, { log: logger.log, clock: systemClock, keepAliveMs: 200 })
process.stdout.write(banner(config, house))
logger.release()
process.on('SIGTERM', () => void house.close().then(() => process.exit(0)))
