export { createProgram } from './command-line/program.js';
