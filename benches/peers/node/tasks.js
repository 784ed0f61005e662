'use strict'
const assert = require('node:assert')
const { setTimeout } = require('node:timers/promises')
const { figure, main, start } = require('./common.js')

// It runs at the call, not at the loop's next turn: Node has no tasks.
const value = async (i) => i

const spawnJoin = async (n) => {
  const begin = start()
  const promises = []
  for (let i = 0; i < n; i++) promises.push(value(i))
  let sum = 0
  for (const promise of promises) sum += await promise
  figure('seconds', begin.seconds() / n)
  assert.strictEqual(sum, n * (n - 1) / 2)
}

const spawnAwait = async (n) => {
  const begin = start()
  let sum = 0
  for (let i = 0; i < n; i++) sum += await value(i)
  figure('seconds', begin.seconds() / n)
  assert.strictEqual(sum, n * (n - 1) / 2)
}

// One controller for each: 100 000 listeners of one signal take minutes.
const cancel = async (n) => {
  let ended = 0
  const sleeper = async (signal) => {
    try {
      await setTimeout(3600_000, undefined, { signal })
    } finally {
      ended++
    }
  }
  const controllers = Array.from({ length: n }, () => new AbortController())
  const promises = controllers.map(({ signal }) => sleeper(signal))
  const begin = start()
  for (const controller of controllers) controller.abort()
  await Promise.allSettled(promises)
  figure('seconds', begin.seconds() / n)
  assert.strictEqual(ended, n)
}

main({ spawn_join: spawnJoin, spawn_await: spawnAwait, cancel })
