'use strict'
const assert = require('node:assert')
const { setTimeout } = require('node:timers/promises')
const { figure, main, peakMemory, start } = require('./common.js')

const milliseconds = (i) => 1000 + (i * 2654435761 % 1_000_000) / 1e3

const sleeper = async (i) => { await setTimeout(milliseconds(i)) }

const sleepers = async (n) => {
  const memory = peakMemory()
  const begin = start()
  await Promise.all(Array.from({ length: n }, (_, i) => sleeper(i)))
  const [wall, cpu] = [begin.seconds(), begin.cpu()]
  let longest = 0
  for (let i = 0; i < n; i++) longest = Math.max(longest, milliseconds(i) / 1e3)
  assert(wall >= longest - 0.002) // Node's timers drop the parts of a millisecond
  figure('cpu', cpu)
  figure('late', wall - longest)
  figure('bytes', (peakMemory() - memory) / n)
}

main({ sleepers })
