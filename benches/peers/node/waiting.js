'use strict'
const assert = require('node:assert')
const { figure, main, median, start } = require('./common.js')

const ready = async (i) => i

const yields = async (i) => {
  await null
  return i
}

const gather = async (child, n) => {
  const promises = Array.from({ length: n }, (_, i) => child(i))
  return (await Promise.all(promises)).reduce((sum, value) => sum + value, 0)
}

const asCompleted = async (child, n) => {
  let sum = 0
  const add = (value) => { sum += value }
  await Promise.all(Array.from({ length: n }, (_, i) => child(i).then(add)))
  return sum
}

const waiting = (sum) => async (few, many) => {
  for (const child of [ready, yields]) {
    for (const [n, of, times] of [[few, 'few', 11], [many, 'many', 3]]) {
      const seconds = []
      for (let i = 0; i < times; i++) {
        const begin = start()
        assert.strictEqual(await sum(child, n), n * (n - 1) / 2)
        seconds.push(begin.seconds() / n)
      }
      figure(`${child.name}_${of}`, median(seconds))
    }
  }
}

main({ gather: waiting(gather), as_completed: waiting(asCompleted) })
