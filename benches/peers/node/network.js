'use strict'
const assert = require('node:assert')
const http = require('node:http')
const net = require('node:net')
const { figure, main, start } = require('./common.js')

const httpServer = () => {
  const server = http.createServer((request, response) => {
    const [, number] = /^\/(\d+)$/.exec(request.url) ?? []
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    if (request.method === 'GET' && number !== undefined) {
      response.end(`${number} It works`)
    } else {
      response.statusCode = 404
      response.end('not found')
    }
  })
  listen(server)
}

const echoServer = () => {
  listen(net.createServer((socket) => {
    socket.on('data', (data) => socket.write(data))
    socket.on('error', () => {})
  }))
}

const listen = (server) => {
  server.listen(0, '127.0.0.1', () => {
    figure('listening', `127.0.0.1:${server.address().port}`)
    const begin = start()
    process.stdin.on('data', () => figure('cpu', begin.cpu()))
    process.stdin.on('end', () => process.exit())
  })
}

const byRequest = (agent, host, port) => new Promise((resolve, reject) => {
  const request = http.get({ agent, host, port, path: '/0' }, (response) => {
    let body = ''
    response.setEncoding('utf8')
    response.on('data', (data) => { body += data })
    response.on('end', () => resolve([response.statusCode, body]))
  })
  request.on('error', reject)
})

const byFetch = async (agent, host, port) => {
  const response = await fetch(`http://${host}:${port}/0`)
  return [response.status, await response.text()]
}

const httpClient = async (form, requests, address, connections) => {
  const [host, port] = address.split(':')
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  const get = { request: byRequest, fetch: byFetch }[form]
  const ask = async (requests) => {
    for (let i = 0; i < requests; i++) {
      assert.deepStrictEqual(await get(agent, host, port), [200, '0 It works'])
    }
  }
  const all = (requests) => Promise.all(Array.from({ length: connections }, () => ask(requests)))
  await all(Math.floor(requests / 10))
  const begin = start()
  await all(requests)
  figure('cpu', begin.cpu() / (connections * requests))
  process.exit() // the agent's connections would keep it
}

main({ http_server: httpServer, echo_server: echoServer, http_client: httpClient })
