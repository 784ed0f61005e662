'use strict'

setTimeout(() => console.log('Hello world!'), 1)
