'use strict'
const assert = require('node:assert')
const { setMaxListeners } = require('node:events')
const { setTimeout } = require('node:timers/promises')
const { figure, main, start } = require('./common.js')

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

const cancel = async (n) => {
  const controller = new AbortController()
  const { signal } = controller
  setMaxListeners(0, signal)
  let ended = 0
  const sleeper = async () => {
    try {
      await setTimeout(3600_000, undefined, { signal })
    } finally {
      ended++
    }
  }
  const promises = Array.from({ length: n }, sleeper)
  const begin = start()
  controller.abort()
  await Promise.allSettled(promises)
  figure('seconds', begin.seconds() / n)
  assert.strictEqual(ended, n)
}

main({ spawn_join: spawnJoin, spawn_await: spawnAwait, cancel })
