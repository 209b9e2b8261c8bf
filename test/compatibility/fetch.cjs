/**
 * Stands where the suite has its HTTP client: what goes to the suite's one address of a supergraph goes to the one
 * under test.
 */
const process = require('node:process');

const SUITE_URL = 'http://localhost:4000/';

module.exports = (url, init) => globalThis.fetch(url === SUITE_URL ? process.env.SUPERGRAPH_URL : url, init);
