/** Writes a memory snapshot of a booted Pyodide to stdout. It shortens the start of a session from 8 s to 0.5 s. */
import { loadPyodide } from './pyodide.mjs'

const folder = decodeURIComponent(new URL('.', import.meta.url).pathname).replace(/^\/([A-Za-z]:)/, '$1')
const pyodide = await loadPyodide({ indexURL: folder, _makeSnapshot: true })
pyodide.runPython(`
import ast, base64, bisect, calendar, codecs, collections, csv, datetime, decimal, fractions, functools, io, itertools
import json, linecache, math, operator, os, random, re, stat, statistics, string, textwrap, traceback, types
`)
const bytes = pyodide.makeMemorySnapshot()
for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at))
Deno.exit(0)
