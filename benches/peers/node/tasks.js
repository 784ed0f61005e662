'use strict'
const assert = require('node:assert')
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

main({ spawn_join: spawnJoin })
