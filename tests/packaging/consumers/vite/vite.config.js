// Only for the tests: whether the page is to be cross-origin isolated, and so gets threads.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default { server: { headers: process.env.ISOLATED ? headers : {} } };
