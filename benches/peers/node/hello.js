'use strict'
// hello_smol on Node: `hello.js SECONDS`. Each worker computes one number at a time; reading pauses while all are busy.
const { once } = require('node:events')
const { availableParallelism } = require('node:os')
const { performance } = require('node:perf_hooks')
const readline = require('node:readline')
const { Worker, isMainThread, parentPort } = require('node:worker_threads')

const fib = (n) => n < 2 ? n : fib(n - 1) + fib(n - 2)

const answer = async (worker, n) => {
  const begin = performance.now()
  worker ??= new Worker(__filename)
  worker.postMessage(n)
  const [value] = await once(worker, 'message')
  const took = (performance.now() - begin) / 1000
  console.log(`Executing fib took ${took.toFixed(2)} seconds.\nfib(${n}) = ${value}`)
  return worker
}

const main = async (period) => {
  const greet = () => console.log(`${Math.floor(Date.now() / 1000)} - Hello world!`)
  greet()
  const interval = setInterval(greet, period * 1000)
  // For each core, the idle worker or a promise of it.
  const workers = Array.from({ length: availableParallelism() }, () => Promise.resolve())
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const text = line.trim()
    if (text === 'exit') process.exit()
    if (!/^\d+$/.test(text)) {
      console.error(`${JSON.stringify(text)} is no number`)
      continue
    }
    const [worker, i] = await Promise.race(workers.map(async (free, i) => [await free, i]))
    workers[i] = answer(worker, Number(text))
  }
  await Promise.all(workers)
  clearInterval(interval)
  process.exit()
}

if (isMainThread) {
  main(Number(process.argv[2]))
} else {
  parentPort.on('message', (n) => parentPort.postMessage(fib(n)))
}
