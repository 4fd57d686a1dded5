/** The server as `npm start` runs it, but with a keep-alive each 200 ms, so that a short wait is a long idle stream. */
import { banner } from '../../../dist/cli/banner.js'
import { openApp } from '../../../dist/app/app.js'
import { readConfig } from '../../../dist/config/config.js'
import { openLogger } from '../../../dist/cli/logger.js'
import { systemClock } from '../../../dist/util/clock.js'

const config = readConfig()
const logger = openLogger(config.logLevel)
const app = await openApp(config, { log: logger.log, clock: systemClock, keepAliveMs: 200 })
process.stdout.write(banner(config, app))
logger.release()
process.on('SIGTERM', () => void app.close().then(() => process.exit(0)))
