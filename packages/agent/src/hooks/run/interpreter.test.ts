import assert from 'node:assert/strict'
import { it } from 'node:test'
import { interpreterOf } from './interpreter.ts'

it('finds the interpreter of a script as the kernel does', () => {
  const cases: [string, string[] | undefined][] = [
    ['#!/bin/sh\n', ['/bin/sh']],
    ['#! /bin/bash -e -u \necho', ['/bin/bash', '-e -u']],
    ['#!/usr/bin/env python3', ['/usr/bin/env', 'python3']],
    ['#!\n/bin/sh', undefined],
    ['#!', undefined],
    ['echo', undefined],
    ['\x7fELF', undefined],
    ['', undefined],
  ]
  for (const [text, command] of cases)
    assert.deepEqual(interpreterOf(Buffer.from(text)), command, text)
})
