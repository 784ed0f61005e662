'use strict'
const assert = require('node:assert')
const { setImmediate } = require('node:timers/promises')
const { figure, main, start } = require('./common.js')

const plain = (n) => (n > 1 ? plain(n - 1) + plain(n - 2) : n)

const immediate = async (n) => {
  await setImmediate()
  return n > 1 ? (await immediate(n - 1)) + (await immediate(n - 2)) : n
}

const byAddition = (n) => {
  let [a, b] = [0, 1]
  while (n-- > 0) [a, b] = [b, a + b]
  return a
}

const measured = (fib) => async (n) => {
  const begin = start()
  const value = await fib(n)
  figure('seconds', begin.seconds())
  assert.strictEqual(value, byAddition(n))
}

main({ fib: measured(plain), immediate: measured(immediate) })
