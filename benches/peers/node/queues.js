'use strict'
const assert = require('node:assert')
const { figure, main, start } = require('./common.js')

// Node has no such queue. First in, first out, for values and for waiting calls.
class Queue {
  constructor (capacity) {
    this.buffer = new Array(capacity)
    this.first = 0
    this.length = 0
    this.takers = []
    this.putters = []
  }

  // Returns a promise only if the queue is full.
  put (value) {
    const taker = this.takers.shift()
    if (taker) {
      taker(value)
    } else if (this.length < this.buffer.length) {
      this.push(value)
    } else {
      return new Promise((resolve) => this.putters.push({ value, resolve }))
    }
  }

  // Returns a promise only if the queue is empty.
  take () {
    if (this.length === 0) return new Promise((resolve) => this.takers.push(resolve))
    const value = this.buffer[this.first]
    this.first = (this.first + 1) % this.buffer.length
    this.length--
    const putter = this.putters.shift()
    if (putter) {
      this.push(putter.value)
      putter.resolve()
    }
    return value
  }

  push (value) {
    this.buffer[(this.first + this.length) % this.buffer.length] = value
    this.length++
  }
}

const queue = async (n) => {
  for (const count of [2, 8]) {
    const begin = start()
    const values = new Queue(100)
    const worker = async () => {
      let sum = 0
      for (let value; (value = await values.take()) !== null;) sum += value
      return sum
    }
    const workers = Array.from({ length: count }, worker)
    for (let i = 0; i < n; i++) await values.put(i)
    for (let i = 0; i < count; i++) await values.put(null)
    const sum = (await Promise.all(workers)).reduce((a, b) => a + b, 0)
    figure(`workers_${count}`, begin.seconds() / n)
    assert.strictEqual(sum, n * (n - 1) / 2)
  }
}

main({ queue })
