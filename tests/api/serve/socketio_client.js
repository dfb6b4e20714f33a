// Connects with the auth in argv[3], prints each event as a line of JSON, and ends when it is told to on its input.
"use strict";
const { createRequire } = require("node:module");
const { io } = createRequire(process.argv[4] + "/")("socket.io-client");

const [url, auth, transports] = [process.argv[2], JSON.parse(process.argv[3]), process.argv[5].split(",")];
const tell = (...what) => process.stdout.write(JSON.stringify(what) + "\n");
const socket = io(url, { auth, transports });
socket.on("connect", () => tell("connected", socket.io.engine.transport.name));
socket.on("connect_error", (error) => tell("connect_error", error.message, error.data ?? null));
socket.on("disconnect", (reason) => tell("disconnected", reason));
socket.onAny((name, ...rest) => tell(name, ...rest));
process.stdin.on("end", () => process.exit(0)).resume();
