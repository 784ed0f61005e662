'use strict'
const net = require('node:net')
const { figure, main, start } = require('./common.js')

const idle = (seconds) => {
  net.createServer((socket) => socket.end()).listen(0, '127.0.0.1', () => {
    setTimeout(() => {}, 3600e3)
    setTimeout(() => { // what has started comes to rest
      const begin = start()
      setTimeout(() => {
        figure('cpu', begin.cpu())
        process.exit()
      }, seconds * 1000)
    }, 500)
  })
}

main({ idle })
