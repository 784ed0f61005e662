// How the contenders in JavaScript measure themselves.
'use strict'

exports.figure = (name, value) => console.log(`${name} ${value}`)

// A clock for elapsed time and CPU time.
exports.start = () => {
  const cpu = process.cpuUsage()
  const time = process.hrtime.bigint()
  return {
    seconds: () => Number(process.hrtime.bigint() - time) / 1e9,
    cpu: () => {
      const { user, system } = process.cpuUsage(cpu)
      return (user + system) / 1e6
    }
  }
}

exports.peakMemory = () => process.resourceUsage().maxRSS * 1024

exports.median = (values) => values.sort((a, b) => a - b)[values.length >> 1]

// Runs the job that the first argument names, with the remaining arguments.
exports.main = (jobs) => {
  const [name, ...rest] = process.argv.slice(2)
  return jobs[name](...rest.map((text) => (/^\d+$/.test(text) ? Number(text) : text)))
}
