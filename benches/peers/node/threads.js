'use strict'
const assert = require('node:assert')
const { Worker, isMainThread, parentPort } = require('node:worker_threads')
const { figure, main, start } = require('./common.js')

const threadCall = async (oneByOne, atOnce) => {
  const worker = new Worker(__filename)
  const waiting = new Map()
  worker.on('message', ({ id, value }) => {
    waiting.get(id)(value)
    waiting.delete(id)
  })
  let id = 0
  const call = (i) => new Promise((resolve) => {
    waiting.set(++id, resolve)
    worker.postMessage({ id, i })
  })
  await call(0) // until it has started

  let n = oneByOne
  let begin = start()
  let sum = 0
  for (let i = 0; i < n; i++) sum += await call(i)
  figure('latency', begin.seconds() / n)
  assert.strictEqual(sum, n * (n - 1) / 2)

  n = atOnce
  begin = start()
  const values = await Promise.all(Array.from({ length: n }, (_, i) => call(i)))
  sum = values.reduce((a, b) => a + b, 0)
  figure('rate', begin.seconds() / n)
  assert.strictEqual(sum, n * (n - 1) / 2)

  await worker.terminate()
}

if (isMainThread) {
  main({ thread_call: threadCall })
} else {
  parentPort.on('message', ({ id, i }) => parentPort.postMessage({ id, value: i }))
}
