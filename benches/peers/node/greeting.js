'use strict'
const assert = require('node:assert')
const { once } = require('node:events')
const { performance } = require('node:perf_hooks')
const { Worker, isMainThread, parentPort } = require('node:worker_threads')
const { figure, main } = require('./common.js')

const fib = (n) => n < 2 ? n : fib(n - 1) + fib(n - 2)

// One number after the other, for as long as it is to take.
const compute = (milliseconds) => {
  const end = performance.now() + milliseconds
  while (performance.now() < end) assert.strictEqual(fib(20), 6765)
}

// How long after it was due the latest greeting came.
const latest = async (fibs, seconds) => {
  const workers = Array.from({ length: fibs }, () => new Worker(__filename))
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  for (const worker of workers) worker.postMessage(seconds * 1000)
  const answers = workers.map((worker) => once(worker, 'message'))
  let most = 0
  // An interval of Node's begins when the last one has ended.
  let due = performance.now() + 10
  const interval = setInterval(() => {
    const now = performance.now()
    most = Math.max(most, now - due)
    due = now + 10
  }, 10)
  await Promise.all(answers)
  clearInterval(interval)
  for (const worker of workers) worker.terminate()
  return most / 1000
}

const greeting = async (seconds) => {
  figure('one', await latest(1, seconds))
  figure('two', await latest(2, seconds))
}

if (isMainThread) {
  main({ greeting })
} else {
  parentPort.on('message', (milliseconds) => {
    compute(milliseconds)
    parentPort.postMessage('done')
  })
  compute(10)
  parentPort.postMessage('ready')
}
